import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type GatewayConfig, parseGatewayConfig } from '../../api/gateway-config.ts';
import { UsageError } from '../../base/errors.ts';
import type { Io } from '../io.ts';
import { printDocument, say, warn } from '../output.ts';
import { visible } from '../visible-text.ts';
import { readConfigFile } from './config-file.ts';

export interface CheckOptions {
  readonly json: boolean;
  readonly config: string;
  /** As --tls-self-signed says: the files of the configuration are not used. */
  readonly selfSigned: boolean;
}

/** Reads the configuration and starts nothing. Throws UsageError `bad_gateway_config`. */
export function run(options: CheckOptions, io: Io): void {
  const { config: file, json, selfSigned } = options;
  const { config, problems } = parseGatewayConfig(readConfigFile(file), selfSigned);
  if (json) printDocument(io, { ok: config !== undefined, problems });
  if (config === undefined) {
    const places = problems.map(
      ({ line, column, message }) => `${file}:${line ?? 1}:${column ?? 1}: ${message}`,
    );
    throw new UsageError('bad_gateway_config', `${file} is not a gateway's configuration`, {
      why: places.join('\n'),
    });
  }
  if (!selfSigned) warnOfFiles(config.tls, file, io);
  if (json) return;
  const { postgres, ssh } = config;
  const native = [
    ...(postgres === undefined ? [] : [`PostgreSQL on port ${postgres.listen.port}`]),
    ...(ssh === undefined ? [] : [`SSH on port ${ssh.listen.port}`]),
  ];
  const listeners = native.length === 0 ? 'no native access' : native.join(', ');
  say(io, `${io.out.paint.green('✔')} ${file}: ${config.url}, ${listeners}`);
}

/** The check may run on another machine than the gateway will, so that what is absent here is no error. */
function warnOfFiles({ certificate, key }: GatewayConfig['tls'], file: string, io: Io): void {
  for (const [name, path] of Object.entries({ certificate, key })) {
    if (path === undefined) continue;
    const full = resolve(dirname(file), path);
    if (!existsSync(full)) warn(io, visible(`tls.${name}: there is no ${full} on this machine`));
  }
}
