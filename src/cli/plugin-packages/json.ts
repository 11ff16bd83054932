import type { PluginPackage } from './command.ts'
import type { Declared } from './declared.ts'
import type { Candidate } from './install.ts'

/** A package before it is trusted, as `--json` prints it. */
export function candidateJson({ declared, source, bytes, unpackedBytes, files, previous }: Candidate): object {
  return { ...declaredJson(declared), source, bytes, unpackedBytes, files, previous: previous ?? null }
}

/** A plugin in a list, as `--json` prints it. */
export function packageJson({ name, version, from, root, listed, declared, fault }: PluginPackage): object {
  return {
    name,
    version,
    id: listed?.id ?? declared?.id ?? null,
    api: declared?.api ?? null,
    server: declared?.server !== undefined,
    client: declared?.client !== undefined,
    commands: commandNames(declared),
    from,
    root,
    source: listed?.source ?? null,
    fault: fault ?? null,
  }
}

/** What a package says of itself, as `--json` prints it. */
export function declaredJson(declared: Declared): object {
  const { name, version, description, author, api, id, server, client, optIn, hooks, scripts, dependencies } = declared
  return {
    name,
    version,
    description: description ?? null,
    author: author ?? null,
    api: api ?? null,
    id: id ?? null,
    server: server !== undefined,
    client: client !== undefined,
    commands: commandNames(declared),
    optIn,
    hooks,
    scripts,
    dependencies,
  }
}

function commandNames(declared: Declared | undefined): string[] {
  return declared?.commands.map(({ id }) => id.replaceAll(':', ' ')) ?? []
}
