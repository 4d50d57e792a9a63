// Writes completions/hoopctl.{bash,zsh,fish} from the built command tree.
import { mkdirSync, writeFileSync } from 'node:fs';
import { completionScript } from '../dist/cli/completion/print.js';

mkdirSync('completions', { recursive: true });
for (const shell of ['bash', 'zsh', 'fish']) {
  writeFileSync(`completions/hoopctl.${shell}`, completionScript(shell));
}
