import { productVersion } from './version.ts';

/**
 * The command line from its arguments to its exit code. What answers often and fast (`--version`, completions)
 * comes before anything is imported.
 */
export async function main(argv: readonly string[]): Promise<void> {
  const args = argv.slice(2);
  if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) {
    process.stdout.write(`hoopctl ${productVersion()}\n`);
    return;
  }
  if (args[0] === '__complete') {
    const { answerCompletion } = await import('./completion/answer.ts');
    return answerCompletion(args.slice(1));
  }
  // Should a promise never settle, Node would end with 0; success is only what says so.
  process.exitCode = 1;
  process.once('beforeExit', () => process.stderr.write('error: hoopctl ended without a result\n'));
  const { runCommandLine } = await import('./command-line.ts');
  // A reader that went away (`| head`) ends us as SIGPIPE would.
  process.stdout.on('error', (error) => process.exit('code' in error && error.code === 'EPIPE' ? 141 : 1));
  const code = await runCommandLine(args);
  // What a slow reader has not taken yet would be lost with the process.
  await Promise.all([written(process.stdout), written(process.stderr)]);
  process.exit(code);
}

function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}
