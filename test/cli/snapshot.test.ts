import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { CLIENT_COMMANDS } from '../../src/cli/client-commands/table.ts'
import { usageOf } from '../../src/cli/lines/command.ts'
import { SERVER_COMMANDS } from '../../src/cli/server-console/table.ts'
import { BIN } from '../helpers/run-msg.ts'

interface ManifestCommand {
  readonly id: string
  readonly args: Readonly<Record<string, { readonly required?: boolean }>>
  readonly flags: Readonly<Record<string, { readonly type: string; readonly options?: readonly string[] }>>
}

describe('the commands, flags and console words', () => {
  it('are those that scripts may rely on: changing this list is a change of the contract', () => {
    expect(commandsOf(join(BIN, '..', '..', 'oclif.manifest.json')).sort()).to.deep.equal(COMMANDS)
  })

  it('of the plugins that come with it', () => {
    for (const [name, commands] of Object.entries(PLUGIN_COMMANDS)) {
      const path = join(BIN, '..', '..', 'plugins', name, 'oclif.manifest.json')
      expect(commandsOf(path).sort(), name).to.deep.equal(commands)
    }
  })

  it('of the client', () => {
    expect(
      CLIENT_COMMANDS.commands.map((command) => `${usageOf(command)} | ${command.short ?? ''}`.trimEnd()),
    ).to.deep.equal(CLIENT)
  })

  it('of the server', () => {
    expect(
      SERVER_COMMANDS.commands.map((command) => `${usageOf(command)} | ${command.short ?? ''}`.trimEnd()),
    ).to.deep.equal(SERVER)
  })
})

/** How the commands of a manifest are written. All of them have the global flags. */
function commandsOf(path: string): string[] {
  const { commands } = JSON.parse(readFileSync(path, 'utf8')) as { commands: Record<string, ManifestCommand> }
  return Object.values(commands).map(({ id, args, flags }) => {
    expect(Object.keys(flags)).to.include.members(GLOBAL_FLAGS)
    const words = Object.entries(args).map(([name, { required }]) => (required ? `<${name}>` : `[${name}]`))
    const options = Object.keys(flags)
      .filter((name) => !GLOBAL_FLAGS.includes(name))
      .sort()
    return [id.replaceAll(':', ' '), ...words, ...options.map((name) => `--${name}`)].join(' ')
  })
}

const GLOBAL_FLAGS = ['json', 'debug', 'no-input', 'no-color']
const RELAY = '--relay-channel-rate --relay-quota --relay-server-rate --relay-user-rate'
const ONE_SHOT = '--data-dir --fingerprint'
const COMMANDS = [
  `client connect [address] --accept --congestion ${ONE_SHOT} --guess-ports --keep-open --linger --map-port --trace-links --user`,
  `client login ${ONE_SHOT} --password-file --password-stdin --server --timeout --user`,
  `client receive --accept --congestion ${ONE_SHOT} --guess-ports --limit --once --server --timeout --to --trace-links --user`,
  `client register ${ONE_SHOT} --password-file --password-stdin --server --timeout --user`,
  `client rooms ${ONE_SHOT} --server --timeout --user`,
  `client send <user> [text] --congestion ${ONE_SHOT} --guess-ports --server --timeout --trace-links --user`,
  `client send-file <user> <path> --as --congestion ${ONE_SHOT} --guess-ports --limit --priority --server --timeout --trace-links --user`,
  `client users --connected ${ONE_SHOT} --server --timeout --user`,
  `client whoami ${ONE_SHOT} --server --timeout --user`,
  'config show',
  'demo',
  `net doctor [server] ${ONE_SHOT} --user`,
  'plugins',
  'plugins create <name> --install --to',
  'plugins inspect <plugin>',
  'plugins install <package> --allow-scripts --yes',
  'plugins link [folder]',
  'plugins reset --yes',
  'plugins uninstall <plugin> --keep-data --yes',
  'plugins update [plugin] --allow-scripts --yes',
  'server members <room> --data-dir',
  'server relays --data-dir',
  'server rooms --data-dir',
  'server sessions --data-dir',
  `server start --cert --data-dir --files --host --key --metrics --name --port --probe-port --relay ${RELAY} --udp-port`,
  'server status --data-dir',
  'server stop --data-dir',
  'server users --connected --data-dir',
]
const PLUGIN_COMMANDS: Readonly<Record<string, readonly string[]>> = {
  broadcast: [`client broadcast [text] ${ONE_SHOT} --server --timeout --user`],
  'file-download': [
    `client download <name> --checkpoint --congestion ${ONE_SHOT} --guess-ports --limit --server --timeout --to --trace-links --user`,
    `client files [folder] ${ONE_SHOT} --server --timeout --user`,
  ],
  presence: [`client who ${ONE_SHOT} --server --timeout --user`],
  'remote-exec': [
    `client exec <user> <command> --congestion --cwd ${ONE_SHOT} --guess-ports --server --stdin --timeout --trace-links --user`,
  ],
}
const CLIENT = [
  'connect <address> [--fingerprint <SHA256:…>] | c',
  'disconnect | d',
  'status | l',
  'exit | x',
  'register <user> [password] |',
  'login <user> [password] |',
  'whoami |',
  'active |',
  'inactive |',
  'users | lu',
  'connected | lcu',
  'peers |',
  'links |',
  'verify [user] [--mark] |',
  'open <user> | o',
  'accept [user] [--always] |',
  'decline [user] [--busy] |',
  'send <text> | s',
  'leave [--to <user>] [--force] | cs',
  'history [name] [text] [--limit <number>] |',
  'file send <path> |',
  'file list |',
  'file offers |',
  'file show [id] |',
  'file accept [id] [--to <folder>] [--limit <rate>] [--checkpoint <share>] |',
  'file decline [id] |',
  'file pause [id] |',
  'file continue [id] |',
  'file stop [id] |',
  'file limit <rate> [id] |',
  'file priority <id> <priority> |',
  'rooms | lr',
  'members [room] | lru',
  'room create <room> | cnr',
  'enter <room> | or',
  'room close [room] | cr',
  'help [command] | ?',
]
const SERVER = [
  'users | lu',
  'connected | lcu',
  'sessions | ls',
  'rooms | lr',
  'members <room> | lru',
  'relays |',
  'status |',
  'stop | x',
  'help [command] | ?',
]
