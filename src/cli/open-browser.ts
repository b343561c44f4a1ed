import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import open from 'open';

/**
 * Opens an address that nobody else may know in the user's browser: by way of a file that only he can read, for what stands
 * in a command line all users of the machine can see. Where there is no browser to be opened, nothing happens.
 * @param folder where the file may lie until the browser has read it
 */
export async function openInBrowser(url: string, folder: string): Promise<void> {
  if (!process.stderr.isTTY || isElsewhere(process.env)) return;
  const file = join(folder, 'open.html');
  await writeFile(
    file,
    `<!doctype html><meta http-equiv="refresh" content="0; url=${url}"><title>dstack</title>\n`,
    { mode: 0o600 },
  );
  try {
    const browser = await open(pathToFileURL(file).href);
    browser.on('error', () => {});
  } catch {
    // The address is on the terminal.
  }
}

/** Somebody at another machine, or one without a screen. */
function isElsewhere(env: NodeJS.ProcessEnv): boolean {
  if (env.SSH_CONNECTION || env.SSH_TTY || env.CI) return true;
  return process.platform === 'linux' && !env.DISPLAY && !env.WAYLAND_DISPLAY && !env.WSL_DISTRO_NAME;
}
