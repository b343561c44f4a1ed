/**
 * What the page may load: its own script and style, images that it has itself, and nothing from anywhere else. Styles that
 * the chart library sets by script don't count as inline ones.
 */
export const contentPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** Headers of every answer. */
export const safeHeaders: Readonly<Record<string, string>> = {
  'Content-Security-Policy': `${contentPolicy}; frame-ancestors 'none'`,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cache-Control': 'no-store',
};

/** Headers of a file that a run has left: whatever is in it, it is neither shown as a page nor does it do anything. */
export const fileHeaders: Readonly<Record<string, string>> = {
  ...safeHeaders,
  'Content-Security-Policy': "default-src 'none'; sandbox; frame-ancestors 'none'",
  'Content-Type': 'application/octet-stream',
  'Content-Disposition': 'attachment',
};

/** @param scripts besides the page's own, in order before it */
export function pageHtml(scripts: readonly string[], options: { policy: boolean }): string {
  const policy = `    <meta http-equiv="Content-Security-Policy" content="${contentPolicy}">\n`;
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
${options.policy ? policy : ''}    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="referrer" content="no-referrer">
    <meta name="color-scheme" content="light dark">
    <title>dstack</title>
    <link rel="icon" href="page.svg">
    <link rel="stylesheet" href="page.css">
${[...scripts, 'page.js'].map((script) => `    <script src="${script}" defer></script>\n`).join('')}  </head>
  <body>
    <noscript>This page needs JavaScript.</noscript>
    <div id="page"></div>
  </body>
</html>
`;
}
