import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { patchFiles } from '../../../src/web/page/patch-files.ts';

const patch = `diff --git a/train.py b/train.py
index 1..2 100644
--- a/train.py
+++ b/train.py
@@ -1,2 +1,3 @@ def main
 same
-old
+new
+++ looks like a head
diff --git a/gone.txt b/gone.txt
deleted file mode 100644
index 1..0
--- a/gone.txt
+++ /dev/null
@@ -1 +0,0 @@
-bye
\\ No newline at end of file
diff --git a/logo.png b/logo.png
index 1..2 100644
Binary files a/logo.png and b/logo.png differ
diff --git "a/t\\303\\244.py" "b/t\\303\\244.py"
new file mode 100644
--- /dev/null
+++ "b/t\\303\\244.py"
@@ -0,0 +1 @@
+x
`;

test('a patch file by file, with what is added and removed', () => {
  const files = patchFiles(patch);
  assert.equal(
    files.map(({ path, added, removed }) => [path, added, removed]),
    [
      ['train.py', 2, 1],
      ['gone.txt', 0, 1],
      ['logo.png', 0, 0],
      ['t\\303\\244.py', 1, 0],
    ],
  );
  assert.equal(
    files[0]?.lines.map(({ kind }) => kind),
    ['place', 'same', 'removed', 'added', 'added'],
  );
  assert.equal(files[2]?.lines, [{ kind: 'place', text: 'Binary files a/logo.png and b/logo.png differ' }]);
});

test('nothing is no file', () => {
  assert.equal(patchFiles(''), []);
});

test.run();
