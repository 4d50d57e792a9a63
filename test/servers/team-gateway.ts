import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Certificate, issueCertificate, makeAuthority } from './certificates.ts';
import { type GovernedShop, openShop } from './governed-shop.ts';
import { Hoopctl, LAUNCHER } from './hoopctl.ts';
import type { PostgresOptions } from './postgres.ts';

export interface Serving {
  readonly url: string;
  readonly fingerprint: string;
  readonly ports: {
    readonly api: number;
    readonly postgres: number | null;
    readonly ssh: number | null;
    readonly metrics: number | null;
  };
}

export interface GatewayProcess extends Serving {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  /** Its log so far. */
  log(): string;
  /** When its log has this word, or it has ended. */
  logged(word: string): Promise<void>;
  /** SIGTERM; its exit code. */
  stop(): Promise<number | null>;
}

/** `hoopctl gateway start` over a state directory; throws with its words when it does not serve. */
export function startGateway(
  hoopctl: Hoopctl,
  config: string,
  flags: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<GatewayProcess> {
  const child = spawn(
    process.execPath,
    [LAUNCHER, 'gateway', 'start', '--config', config, '--json', ...flags],
    {
      env: hoopctl.env({ env }),
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let log = '';
  let out = '';
  const waiting: { readonly word: string; readonly found: () => void }[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
    for (const { word, found } of waiting) if (log.includes(word)) found();
  });
  const logged = (word: string) =>
    log.includes(word)
      ? Promise.resolve()
      : new Promise<void>((found) => {
          waiting.push({ word, found });
          child.once('close', () => found());
        });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return new Promise((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      if (!out.includes('\n')) return;
      const stop = () => {
        child.kill('SIGTERM');
        return ended;
      };
      resolve({ ...(JSON.parse(out) as Serving), child, ended, log: () => log, logged, stop });
    });
    void ended.then((code) => reject(new Error(`the gateway ended with ${code}\n${out}\n${log}`)));
  });
}

/** A machine of somebody else: a state directory of its own, no daemon. */
export class Machine {
  readonly hoopctl = Hoopctl.fresh();

  async login(gateway: { readonly port: number; readonly ca: string }, token: string): Promise<void> {
    await this.hoopctl.ok(
      ['login', `https://localhost:${gateway.port}`, '--name', 'team', '--ca', gateway.ca, '--token-stdin'],
      { stdin: `${token}\n` },
    );
  }

  close(): Promise<void> {
    return this.hoopctl.close();
  }
}

/** The governed shop behind a gateway with a certificate of a test authority, and people on other machines. */
export interface TeamGateway {
  readonly shop: GovernedShop;
  readonly authority: Certificate;
  readonly gateway: GatewayProcess;
  readonly config: string;
  /** `devin` asks, `ana` decides; each on a machine of its own. */
  readonly devin: Machine;
  readonly ana: Machine;
  /** Of its API. */
  readonly url: string;
  /** The words that sign in to it with trust in its authority. */
  readonly loginWords: readonly string[];
  /** hoopctl on one more machine, on which nobody has signed in. */
  machine(): Hoopctl;
  /** Ends the gateway and clears all machines. */
  stop(): Promise<void>;
}

export async function openTeamGateway(
  more = 'drain: 20s\n',
  server: PostgresOptions = {},
  environment: (authority: Certificate) => Readonly<Record<string, string>> = () => ({}),
): Promise<TeamGateway> {
  const shop = await openShop(server);
  // The owner's work was done with a local daemon; the gateway takes its place.
  await shop.hoopctl.ok(['daemon', 'stop']);
  const dir = join(shop.hoopctl.home, '..', 'gateway');
  mkdirSync(dir);
  const authority = makeAuthority(dir);
  const names = ['DNS:localhost', 'DNS:gateway.test', 'IP:127.0.0.1'];
  const certificate = issueCertificate(dir, authority, 'localhost', names);
  const config = join(dir, 'gateway.yaml');
  writeFileSync(
    config,
    `version: 1
url: https://localhost
listen: 127.0.0.1:0
postgres:
  listen: 127.0.0.1:0
metrics:
  listen: 127.0.0.1:0
tls:
  certificate: ${certificate.certFile}
  key: localhost.key
${more}`,
  );
  const gateway = await startGateway(shop.hoopctl, config, [], environment(authority));
  const place = { port: gateway.ports.api, ca: authority.certFile };
  const devin = new Machine();
  const ana = new Machine();
  const machines = [devin, ana];
  const url = `https://localhost:${gateway.ports.api}`;
  await Promise.all([devin.login(place, shop.devin), ana.login(place, shop.ana)]);
  return {
    shop,
    authority,
    gateway,
    config,
    devin,
    ana,
    url,
    loginWords: ['login', url, '--ca', authority.certFile],
    machine() {
      const made = new Machine();
      machines.push(made);
      return made.hoopctl;
    },
    async stop() {
      await Promise.all(machines.map((machine) => machine.close()));
      // The second signal waits for nobody.
      gateway.child.kill('SIGTERM');
      await gateway.logged('gateway.draining');
      await gateway.stop();
      await shop.stop();
    },
  };
}
