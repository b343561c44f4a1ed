// Injected into the bundle: CommonJS packages inside an ES module still ask where they are.
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const __dirname = path.dirname(fileURLToPath(import.meta.url));
