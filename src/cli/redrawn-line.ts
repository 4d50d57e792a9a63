import { wrapText } from '../base/text-width.ts';
import type { TextOut } from './io.ts';

/** One line at the bottom of a terminal that changes in place. */
export class RedrawnLine {
  private readonly out: TextOut;
  private shown = false;

  constructor(out: TextOut) {
    this.out = out;
  }

  /** `text` must be printable; what does not fit is left off, because a wrapped line cannot be redrawn. */
  draw(text: string): void {
    const [fits = ''] = wrapText(text, this.out.columns - 1);
    this.out.write(`\r\x1b[2K${fits}`);
    this.shown = true;
  }

  clear(): void {
    if (this.shown) this.out.write('\r\x1b[2K');
    this.shown = false;
  }
}
