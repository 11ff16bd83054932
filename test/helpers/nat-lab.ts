import { execFileSync } from 'node:child_process'
import { MEASURES, rulesOf, type RouterKind } from './nat-router.ts'

/** A machine of a {@link Lab}. */
export interface LabHost {
  readonly namespace: string
  /** IPv4 literal, as the machine itself knows it: private behind a router that translates. */
  readonly address: string
  /** IPv6 literal; routed, never translated. */
  readonly address6: string
}

/** How somebody is connected to the internet of a {@link Lab}. */
export interface Home {
  readonly router: RouterKind
  /** Whether packets for the router itself that nobody inside asked for are dropped, as home routers do. @default true */
  readonly dropsNew?: boolean
  /** Seconds after which a mapping without a packet is forgotten, answered or not. @default the kernel's own: 30, and 120 once in use */
  readonly mappingTimeout?: number
}

/** Who sits where: behind a router of their own, or beside somebody named before, on the same network. */
export type Homes = Readonly<Record<string, RouterKind | Home | { readonly beside: string }>>

/**
 * An internet of network namespaces: a server with two public addresses, and homes behind routers made of nftables.
 *
 * ```
 * server  203.0.113.2 and .3 --- core --- 198.51.100.2  router 0 --- 192.168.1.10, .11, ...
 *         2001:db8:5::2                   198.51.100.6  router 1 --- 192.168.1.10, .11, ...
 * ```
 *
 * Between two homes lie three hops: both routers and the core, so that a datagram with a time to live of 2 leaves the first router
 * and never comes to the second. Homes are equal inside, as in life; that of an `open` router has public addresses (192.0.2.0/24).
 * Every home has IPv6, behind a firewall that lets only answers in unless it is `open`.
 *
 * {@link close} ends what still runs in it and removes everything; what a process forgot goes at its exit.
 */
export class Lab {
  readonly server: LabHost & { readonly secondAddress: string }
  readonly #id = `msg${process.pid}-${++made}`
  readonly #core = `${this.#id}-core`
  readonly #namespaces: string[] = []
  readonly #people = new Map<string, LabHost & { readonly home: number }>()
  readonly #routers: string[] = []
  /** The number of the last machine on each home's network. */
  readonly #machines: number[] = []

  /** Needs the privilege to make namespaces. @throws what the system says; nothing is left then. */
  static create(homes: Homes): Lab {
    const lab = new Lab()
    OPEN.add(lab)
    try {
      lab.#build(homes)
    } catch (error) {
      lab.close()
      throw error
    }
    return lab
  }

  private constructor() {
    const namespace = `${this.#id}-server`
    this.server = { namespace, address: '203.0.113.2', secondAddress: '203.0.113.3', address6: '2001:db8:5::2' }
  }

  /** A command that runs `command` on that machine. */
  static on({ namespace }: LabHost, command: readonly string[]): [string, string[]] {
    return ['ip', ['netns', 'exec', namespace, ...command]]
  }

  /** The machine of `name`. */
  host(name: string): LabHost {
    return this.#person(name)
  }

  /** The router of `name`, at its address inside. */
  router(name: string): LabHost {
    const { address, home } = this.#person(name)
    const inside = address.replace(/\d+$/, String(address.startsWith('192.0.2.') ? 16 * home + 1 : 1))
    return { namespace: this.#routers[home]!, address: inside, address6: `2001:db8:b${home}::1` }
  }

  /** The address that the world sees `name` at, IPv4. */
  publicAddress(name: string): string {
    const host = this.host(name)
    return host.address.startsWith('192.168.') ? `198.51.100.${4 * this.#homeOf(name) + 2}` : host.address
  }

  /** Whether the homes can reach each other at all; the server always can be reached. Changes at once, for flows under way too. */
  sever(isSevered: boolean): void {
    nft(this.#core, 'flush chain inet core forward')
    if (isSevered) nft(this.#core, 'add rule inet core forward iifname "home*" oifname "home*" drop')
  }

  /** From now on the router of `name` is of that kind; mappings in use stay. */
  change(name: string, home: Home): void {
    nft(this.#routers[this.#homeOf(name)]!, rulesOf(home))
  }

  /** `name` goes to the network of `host`, as a laptop does: other addresses, another router. */
  move(name: string, { beside }: { readonly beside: string }): void {
    const person = this.#people.get(name)!
    run('ip', ['-n', person.namespace, 'link', 'delete', 'eth'])
    this.#people.set(name, { ...person, ...this.#connect(person.namespace, this.#homeOf(beside)) })
  }

  /** The router of `name` forgets every mapping, as after a power cut. */
  forget(name: string): void {
    const i = this.#homeOf(name)
    // What an interface that masquerades has mapped goes when it goes down.
    configure(this.#routers[i]!, ['link set wan down', 'link set wan up', ...this.#outside(i)])
  }

  close(): void {
    OPEN.delete(this)
    for (const namespace of this.#namespaces.splice(0)) {
      for (const id of run('ip', ['netns', 'pids', namespace]).split('\n').filter(Boolean)) end(Number(id))
      run('ip', ['netns', 'delete', namespace])
    }
  }

  #homeOf(name: string): number {
    return this.#person(name).home
  }

  #person(name: string): LabHost & { readonly home: number } {
    const person = this.#people.get(name)
    if (!person) throw new Error(`nobody here is called ${name}`)
    return person
  }

  #build(homes: Homes): void {
    const { server } = this
    this.#add(this.#core)
    this.#add(server.namespace)
    configure(this.#core, [
      `link add server type veth peer name eth netns ${server.namespace}`,
      ...up('server', '203.0.113.1/24', '2001:db8:5::1/64'),
    ])
    configure(server.namespace, [
      ...up('eth', `${server.address}/24`, `${server.address6}/64`),
      `address add ${server.secondAddress}/24 dev eth`,
      'route add default via 203.0.113.1',
      '-6 route add default via 2001:db8:5::1',
    ])
    set(this.#core, FORWARDING)
    nft(this.#core, 'table inet core {\n chain forward {\n type filter hook forward priority filter\n }\n}')
    for (const [name, where] of Object.entries(homes)) {
      if (typeof where === 'object' && 'beside' in where) this.#addPerson(name, this.#homeOf(where.beside))
      else this.#addPerson(name, this.#addHome(typeof where === 'string' ? { router: where } : where))
    }
  }

  #addHome(home: Home): number {
    const i = this.#routers.length
    const router = `${this.#id}-router${i}`
    const isPublic = home.router === 'open'
    this.#add(router)
    this.#routers.push(router)
    configure(this.#core, [
      `link add home${i} type veth peer name wan netns ${router}`,
      ...up(`home${i}`, `198.51.100.${4 * i + 1}/30`, `2001:db8:a${i}::1/64`),
    ])
    configure(router, [
      'link add lan type bridge',
      ...up('lan', isPublic ? `192.0.2.${16 * i + 1}/28` : '192.168.1.1/24', `2001:db8:b${i}::1/64`),
      ...up('wan', `198.51.100.${4 * i + 2}/30`, `2001:db8:a${i}::2/64`),
      ...this.#outside(i),
    ])
    configure(this.#core, [
      `-6 route add 2001:db8:b${i}::/64 via 2001:db8:a${i}::2`,
      ...(isPublic ? [`route add 192.0.2.${16 * i}/28 via 198.51.100.${4 * i + 2}`] : []),
    ])
    set(router, FORWARDING)
    nft(router, rulesOf(home))
    if (home.mappingTimeout !== undefined) {
      const { mappingTimeout } = home
      set(
        router,
        MEASURES.map((name) => `net.netfilter.${name}=${mappingTimeout}`),
      )
    }
    return i
  }

  #outside(i: number): string[] {
    return [
      `route replace default via 198.51.100.${4 * i + 1}`,
      `-6 address replace 2001:db8:a${i}::2/64 dev wan`,
      `-6 route replace default via 2001:db8:a${i}::1`,
    ]
  }

  #addPerson(name: string, home: number): void {
    const namespace = `${this.#id}-${name}`
    this.#add(namespace)
    this.#people.set(name, { namespace, ...this.#connect(namespace, home) })
  }

  /** Another machine on the network of a home. */
  #connect(namespace: string, home: number): { address: string; address6: string; home: number } {
    const router = this.#routers[home]!
    const k = (this.#machines[home] = (this.#machines[home] ?? -1) + 1)
    const isPublic = run('ip', ['-n', router, '-4', 'address', 'show', 'lan']).includes('192.0.2.')
    const address = isPublic ? `192.0.2.${16 * home + 2 + k}` : `192.168.1.${10 + k}`
    const address6 = `2001:db8:b${home}::${10 + k}`
    configure(namespace, [
      `link add eth type veth peer name port${k} netns ${router}`,
      ...up('eth', `${address}/${isPublic ? 28 : 24}`, `${address6}/64`),
    ])
    configure(router, [`link set port${k} master lan up`])
    configure(namespace, [
      `route add default via ${isPublic ? `192.0.2.${16 * home + 1}` : '192.168.1.1'}`,
      `-6 route add default via 2001:db8:b${home}::1`,
    ])
    return { address, address6, home }
  }

  #add(namespace: string): void {
    run('ip', ['netns', 'add', namespace])
    this.#namespaces.push(namespace)
    // Nobody else is here: an interface need not spend its first seconds looking for a duplicate of its address.
    set(namespace, ['net.ipv6.conf.default.accept_dad=0', 'net.ipv6.conf.all.accept_dad=0'])
    configure(namespace, ['link set lo up'])
  }
}

function up(device: string, address: string, address6: string): string[] {
  return [`address add ${address} dev ${device}`, `-6 address add ${address6} dev ${device}`, `link set ${device} up`]
}

function set(namespace: string, settings: readonly string[]): void {
  run('ip', ['netns', 'exec', namespace, 'sysctl', '-qw', ...settings])
}

/** Commands of `ip`, one a line; one process for all. */
function configure(namespace: string, lines: readonly string[]): void {
  const [four, six] = [lines.filter((line) => !line.startsWith('-6 ')), lines.filter((line) => line.startsWith('-6 '))]
  run('ip', ['-n', namespace, '-batch', '-'], four.join('\n'))
  if (six.length > 0) run('ip', ['-6', '-n', namespace, '-batch', '-'], six.map((line) => line.slice(3)).join('\n'))
}

function nft(namespace: string, rules: string): void {
  run('ip', ['netns', 'exec', namespace, 'nft', '-f', '-'], `${rules}\n`)
}

function run(command: string, args: readonly string[], input = ''): string {
  return execFileSync(command, args, { stdio: 'pipe', input }).toString()
}

/** Ends a process that runs in a namespace of this laboratory, if it has not ended by itself. */
function end(id: number): void {
  try {
    process.kill(id, 'SIGKILL')
  } catch {
    // It was quicker.
  }
}

const FORWARDING = ['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']
let made = 0
const OPEN = new Set<Lab>()
process.on('exit', () => {
  for (const lab of OPEN) lab.close()
})
