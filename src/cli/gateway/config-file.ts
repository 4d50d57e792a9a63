import { readFileSync } from 'node:fs';
import { UsageError } from '../../base/errors.ts';

/** Throws UsageError `no_gateway_config`. */
export function readConfigFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError('no_gateway_config', `${file} cannot be read`, {
      why: error instanceof Error ? error.message : String(error),
      next: 'start from templates/gateway/gateway.yaml',
      cause: error,
    });
  }
}
