import { execFileSync } from 'node:child_process'

/** One machine of a {@link Routed} path. */
export interface RoutedHost {
  readonly namespace: string
  readonly address: string
}

/**
 * Two machines with a router between them, in network namespaces: a path with an MTU that can change under way, of which nobody is told,
 * because the router's ICMP is dropped.
 */
export class Routed {
  readonly hosts: readonly [RoutedHost, RoutedHost]
  readonly #router: string

  /** @param rate - of the router in each direction, megabits per second. Needs the privilege to make namespaces. */
  constructor(rate: number) {
    const id = `msg${process.pid}`
    this.#router = `${id}-r`
    const host = (i: number): RoutedHost => ({ namespace: `${id}-h${i}`, address: `10.213.${20 + i}.2` })
    this.hosts = [host(0), host(1)]
    run('ip', 'netns', 'add', this.#router)
    for (const [i, { namespace, address }] of this.hosts.entries()) {
      const gateway = `10.213.${20 + i}.1`
      run('ip', 'netns', 'add', namespace)
      run(
        'ip',
        '-n',
        namespace,
        'link',
        'add',
        'eth',
        'type',
        'veth',
        'peer',
        'name',
        `side${i}`,
        'netns',
        this.#router,
      )
      run('ip', '-n', namespace, 'address', 'add', `${address}/24`, 'dev', 'eth')
      run('ip', '-n', this.#router, 'address', 'add', `${gateway}/24`, 'dev', `side${i}`)
      run('ip', '-n', namespace, 'link', 'set', 'eth', 'up')
      run('ip', '-n', namespace, 'link', 'set', 'lo', 'up')
      run('ip', '-n', this.#router, 'link', 'set', `side${i}`, 'up')
      run('ip', '-n', namespace, 'route', 'add', 'default', 'via', gateway)
      this.#on(
        'tc',
        'qdisc',
        'add',
        'dev',
        `side${i}`,
        'root',
        'tbf',
        'rate',
        `${rate}mbit`,
        'burst',
        '32kbit',
        'latency',
        '40ms',
      )
    }
    this.#on('sysctl', '-qw', 'net.ipv4.ip_forward=1')
    this.#on('nft', 'add', 'table', 'ip', 'silent')
    this.#on('nft', 'add', 'chain', 'ip', 'silent', 'out', '{ type filter hook output priority 0 ; }')
    this.#on('nft', 'add', 'rule', 'ip', 'silent', 'out', 'icmp', 'type', 'destination-unreachable', 'counter', 'drop')
  }

  /** Packets of ICMP "too large" that the router was about to send, and that nobody got. */
  get silenced(): number {
    return Number(/packets (\d+)/.exec(this.#on('nft', 'list', 'table', 'ip', 'silent'))?.[1])
  }

  /** From now on the router passes packets of that size towards the second machine, headers included. */
  setMtu(mtu: number): void {
    run('ip', '-n', this.#router, 'link', 'set', 'side1', 'mtu', String(mtu))
  }

  close(): void {
    for (const namespace of [...this.hosts.map((host) => host.namespace), this.#router])
      run('ip', 'netns', 'delete', namespace)
  }

  #on(...command: string[]): string {
    return run('ip', 'netns', 'exec', this.#router, ...command)
  }
}

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { stdio: 'pipe' }).toString()
}
