// Files that run beside the compiled code but are not TypeScript.
import { cpSync, existsSync } from 'node:fs';

for (const dir of ['src/demo/assets', 'src/cli/replay-page/assets', 'src/store/sqlite/migrations']) {
  if (existsSync(dir)) cpSync(dir, dir.replace(/^src/, 'dist'), { recursive: true });
}
