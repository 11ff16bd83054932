import { execFileSync } from 'node:child_process'

/** One machine of a {@link Lan}. */
export interface LanHost {
  readonly namespace: string
  readonly address: string
}

/** Several machines on one Ethernet: network namespaces joined by a bridge, on a network that exists nowhere else. */
export class Lan {
  readonly hosts: readonly LanHost[]
  readonly #switch: string

  /** @param count - machines, at most 9. Needs the privilege to make namespaces. */
  constructor(count: number) {
    const id = `msg${process.pid}`
    this.#switch = `${id}-s`
    this.hosts = Array.from({ length: count }, (_, i) => ({ namespace: `${id}-${i}`, address: `10.213.7.${i + 1}` }))
    ip('netns', 'add', this.#switch)
    ip('-n', this.#switch, 'link', 'add', 'lan', 'type', 'bridge')
    ip('-n', this.#switch, 'link', 'set', 'lan', 'up')
    for (const [i, { namespace, address }] of this.hosts.entries()) {
      ip('netns', 'add', namespace)
      ip('-n', namespace, 'link', 'add', 'eth', 'type', 'veth', 'peer', 'name', `port${i}`, 'netns', this.#switch)
      ip('-n', this.#switch, 'link', 'set', `port${i}`, 'master', 'lan', 'up')
      ip('-n', namespace, 'address', 'add', `${address}/24`, 'dev', 'eth')
      ip('-n', namespace, 'link', 'set', 'eth', 'up')
      ip('-n', namespace, 'link', 'set', 'lo', 'up')
    }
  }

  /** A command that runs `command` on that machine. */
  static on({ namespace }: LanHost, command: readonly string[]): [string, string[]] {
    return ['ip', ['netns', 'exec', namespace, ...command]]
  }

  close(): void {
    for (const namespace of [...this.hosts.map((host) => host.namespace), this.#switch])
      ip('netns', 'delete', namespace)
  }
}

/** True when this process may make network namespaces. */
export function canMakeNamespaces(): boolean {
  const name = `msg${process.pid}-try`
  try {
    ip('netns', 'add', name)
    ip('netns', 'delete', name)
    return true
  } catch {
    return false
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' })
}
