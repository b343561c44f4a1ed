/** What is shown by Ink, which is loaded only where it is needed: it takes long, and the bundle has it apart. */
export { renderLog } from './log-screen.tsx';
export { renderRunners } from './runners-screen.tsx';
export { renderStatus } from './status-screen.tsx';
