// `npm run bench`: what the gateway costs, next to the server itself, PgBouncer and a bare Node relay.
// All paths are measured in turns within one run, so that a slow minute of the machine hits all of them.
import { parseArgs } from 'node:util';
import { startPostgres } from '../servers/postgres.ts';
import { directPath, gatewayPath, pgbouncerPath, ROLE, relayPath } from './paths.ts';
import { fill, measure, median } from './pgbench.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    only: { type: 'string' },
  },
});
const ROUNDS = Number(options.rounds);
const SECONDS = Number(options.seconds);
const SCALE = 5;

/**
 * Runs of each path that are not measured, before the first load and before each later one, in seconds: a daemon that
 * has just been started is compiled while it runs, and once more when its first sessions have ended.
 */
const WARM_UP = { first: [4, 4], later: [2] };

/** Floors of the first release; ratios at 8 clients prepared, microseconds at one client. */
const FLOORS = { overPgbouncer: 0.6, overRelay: 0.75, addedUs: 60 };

const LOADS = [
  {
    name: '8 clients, prepared',
    mode: 'prepared',
    clients: 8,
    seconds: SECONDS,
    floors: ['overPgbouncer', 'overRelay'],
  },
  { name: '1 client, prepared', mode: 'prepared', clients: 1, seconds: SECONDS, floors: ['addedUs'] },
  { name: '8 clients, extended', mode: 'extended', clients: 8, seconds: SECONDS, floors: [] },
  { name: '8 clients, simple', mode: 'simple', clients: 8, seconds: SECONDS, floors: [] },
].filter((load) => options.only === undefined || load.name.includes(options.only));

const say = (text) => process.stderr.write(text);
/** One line that is redrawn; nothing where nobody watches. */
const progress = (text) => process.stderr.isTTY && say(`\r${text.padEnd(60)}\r`);

async function openPaths(server) {
  const opened = [directPath(server)];
  try {
    for (const open of [pgbouncerPath, relayPath, gatewayPath]) {
      const path = await open(server);
      if (path === undefined) say('PgBouncer is not installed; its column is left out.\n');
      else opened.push(path);
    }
    return opened;
  } catch (error) {
    for (const path of opened) await path.close();
    throw error;
  }
}

async function warmUp(load, paths) {
  for (const seconds of load === LOADS[0] ? WARM_UP.first : WARM_UP.later) {
    for (const path of paths) {
      progress(`${load.name}: warming up ${path.name}`);
      await measure(path, { ...load, seconds });
    }
  }
}

async function runLoad(load, paths) {
  await warmUp(load, paths);
  const measures = Object.fromEntries(paths.map((path) => [path.name, []]));
  for (let round = 1; round <= ROUNDS; round++) {
    for (const path of paths) {
      progress(`${load.name}: round ${round}/${ROUNDS}, ${path.name}`);
      measures[path.name].push(await measure(path, load));
    }
  }
  progress('');
  return summary(load, measures);
}

/** Ratios are taken within a round and the median round is reported. */
function summary(load, measures) {
  const ratio = (other) =>
    measures[other] ? median(measures.gateway.map((m, i) => m.tps / measures[other][i].tps)) : null;
  const added = (other) =>
    load.clients === 1 && measures[other]
      ? median(measures.gateway.map((m, i) => m.medianUs - measures[other][i].medianUs))
      : null;
  const tps = Object.fromEntries(
    Object.entries(measures).map(([name, list]) => [name, median(list.map((m) => m.tps))]),
  );
  const medianUs = Object.fromEntries(
    Object.entries(measures).map(([name, list]) => [
      name,
      load.clients === 1 ? median(list.map((m) => m.medianUs)) : null,
    ]),
  );
  const result = {
    load: load.name,
    tps,
    medianUs,
    overPgbouncer: ratio('pgbouncer'),
    overRelay: ratio('relay'),
    overDirect: ratio('direct'),
    addedUs: added('direct'),
    addedUsOverRelay: added('relay'),
    addedUsOverPgbouncer: added('pgbouncer'),
  };
  return { ...result, checks: load.floors.map((floor) => check(floor, result[floor])) };
}

function check(floor, value) {
  const pass = value === null ? null : floor === 'addedUs' ? value <= FLOORS[floor] : value >= FLOORS[floor];
  return { floor, value, limit: FLOORS[floor], pass };
}

function print(results) {
  const whole = (value) =>
    (value === null || value === undefined ? '-' : String(Math.round(value))).padStart(10);
  const two = (value) => (value === null || value === undefined ? '-' : value.toFixed(2)).padStart(10);
  const row = (name, cells) => console.log(name.padEnd(22) + cells.join(''));
  const paths = ['direct', 'pgbouncer', 'relay', 'gateway'];
  row(
    'transactions a second',
    paths.map((path) => path.padStart(10)),
  );
  for (const result of results)
    row(
      result.load,
      paths.map((path) => whole(result.tps[path])),
    );
  console.log();
  row(
    'gateway as a ratio of',
    paths.slice(0, 3).map((path) => path.padStart(10)),
  );
  for (const result of results)
    row(result.load, [result.overDirect, result.overPgbouncer, result.overRelay].map(two));
  for (const result of results.filter(({ addedUs }) => addedUs !== null)) {
    console.log();
    row(
      'median, microseconds',
      paths.map((path) => path.padStart(10)),
    );
    row(
      result.load,
      paths.map((path) => whole(result.medianUs[path])),
    );
    const added = [result.addedUs, result.addedUsOverPgbouncer, result.addedUsOverRelay];
    row('added by the gateway', added.map(whole));
  }
  console.log();
  const words = {
    overPgbouncer: 'of PgBouncer',
    overRelay: 'of the bare relay',
    addedUs: 'us added at the median',
  };
  for (const { floor, value, limit, pass } of results.flatMap((result) => result.checks)) {
    const verdict = pass === null ? 'not measured' : pass ? 'pass' : 'FAIL';
    const bound = floor === 'addedUs' ? `at most ${limit}` : `at least ${limit}`;
    console.log(`${verdict}: ${value === null ? '-' : value.toFixed(2)} ${words[floor]} (${bound})`);
  }
}

const server = await startPostgres({ settings: { shared_buffers: '256MB', max_connections: '100' } });
let paths = [];
try {
  await server.createRole(ROLE.user, ROLE.password);
  await server.query(`GRANT CREATE ON SCHEMA public TO ${ROLE.user}`);
  await fill(directPath(server), SCALE);
  paths = await openPaths(server);
  const results = [];
  for (const load of LOADS) results.push(await runLoad(load, paths));
  if (options.json)
    console.log(JSON.stringify({ schemaVersion: 1, rounds: ROUNDS, seconds: SECONDS, results }, null, 2));
  else print(results);
  const failed = results.flatMap((result) => result.checks).some(({ pass }) => pass === false);
  process.exitCode = failed ? 1 : 0;
} finally {
  for (const path of paths) await path.close();
  await server.stop();
}
