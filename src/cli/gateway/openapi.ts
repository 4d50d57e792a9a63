import { openApiText } from '../../api/openapi.ts';
import type { Io } from '../io.ts';
import { productVersion } from '../version.ts';

export function run(io: Io): void {
  io.out.write(openApiText(productVersion()));
}
