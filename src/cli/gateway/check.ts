import { parseGatewayConfig } from '../../api/gateway-config.ts';
import { UsageError } from '../../base/errors.ts';
import type { Io } from '../io.ts';
import { printDocument, say } from '../output.ts';
import { readConfigFile } from './config-file.ts';

export interface CheckOptions {
  readonly json: boolean;
  readonly config: string;
}

/** Reads the configuration and starts nothing. Throws UsageError `bad_gateway_config`. */
export function run(options: CheckOptions, io: Io): void {
  const { config: file, json } = options;
  const { config, problems } = parseGatewayConfig(readConfigFile(file));
  if (json) printDocument(io, { ok: config !== undefined, problems });
  if (config === undefined) {
    const places = problems.map(
      ({ line, column, message }) => `${file}:${line ?? 1}:${column ?? 1}: ${message}`,
    );
    throw new UsageError('bad_gateway_config', `${file} is not a gateway's configuration`, {
      why: places.join('\n'),
    });
  }
  if (json) return;
  const native =
    config.postgres === undefined ? 'no native access' : `PostgreSQL on port ${config.postgres.listen.port}`;
  say(io, `${io.out.paint.green('✔')} ${file}: ${config.url}, ${native}`);
}
