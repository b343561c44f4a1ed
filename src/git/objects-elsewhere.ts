/** Variables by which Git, in another repository, reads the objects in this folder, too. */
export function withObjectsOf(objectDir: string): Record<string, string> {
  // In a list of paths, which are divided by colons, one that may have any characters is quoted.
  return { GIT_ALTERNATE_OBJECT_DIRECTORIES: `"${objectDir.replace(/["\\]/g, '\\$&')}"` };
}
