import { fileURLToPath } from 'node:url'

/**
 * Node's arguments for a script beside the module at `from`: through tsx when that is TypeScript, directly when it was compiled.
 *
 * @param name - relative, without its extension.
 */
export function scriptArgs(name: string, from: string): string[] {
  const isSource = from.endsWith('.ts')
  const path = fileURLToPath(new URL(`${name}.${isSource ? 'ts' : 'js'}`, from))
  return isSource ? ['--import', 'tsx', path] : [path]
}
