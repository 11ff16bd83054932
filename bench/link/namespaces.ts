import { spawnSync } from 'node:child_process'
import { Emulator } from '../../test/helpers/emulator.ts'
import type { Path } from '../../test/helpers/path.ts'
import type { Place } from './flow.ts'

/** Network namespaces of this run, joined by veth. Their names hold this process's id; {@link close} removes them. */
export class Namespaces {
  readonly #names: string[] = []
  readonly #undo = (): void => this.#removeAll()

  private constructor() {
    process.once('exit', this.#undo)
  }

  /** Why there are none on this machine, or `undefined`. */
  static get unavailable(): string | undefined {
    const probe = new Namespaces()
    try {
      probe.#add('probe')
      return undefined
    } catch (error) {
      return `no network namespaces: ${(error as Error).message}`
    } finally {
      probe.close()
    }
  }

  /** Two hosts on one wire of MTU 1,500. */
  static pair(): { namespaces: Namespaces; a: Place; b: Place } {
    const namespaces = new Namespaces()
    const [a, b] = [namespaces.#add('a'), namespaces.#add('b')]
    namespaces.#join({ name: a, host: '10.99.0.1' }, { name: b, host: '10.99.0.2' }, 1_500)
    return { namespaces, a: { namespace: a, host: '10.99.0.1' }, b: { namespace: b, host: '10.99.0.2' } }
  }

  /**
   * Two hosts whose every packet, the kernel's TCP too, goes through an emulated link: a VXLAN tunnel whose ends speak to the
   * emulator in the middle. MTU 1,500 inside; rate and queue count whole IP packets. The path's `mtu` is not the tunnel's.
   *
   * @param congestion - of TCP between them.
   */
  static async tunnel(
    path: Path,
    seed: number,
    congestion: string,
  ): Promise<{ namespaces: Namespaces; emulator: Emulator; a: Place; b: Place }> {
    const namespaces = new Namespaces()
    try {
      const [a, middle, b] = [namespaces.#add('a'), namespaces.#add('m'), namespaces.#add('b')]
      const doors = [
        { name: a, outer: '10.99.1.1', door: '10.99.1.2', inner: '10.99.3.1' },
        { name: b, outer: '10.99.2.1', door: '10.99.2.2', inner: '10.99.3.2' },
      ]
      for (const { name, outer, door, inner } of doors) {
        namespaces.#join({ name, host: outer }, { name: middle, host: door }, 1_600)
        ip(
          '-n',
          name,
          'link',
          'add',
          'tunnel',
          'type',
          'vxlan',
          'id',
          '1',
          'local',
          outer,
          'remote',
          door,
          'dstport',
          `${VXLAN_PORT}`,
          'nolearning',
        )
        // The emulator is to see packets as they would be on a wire: one by one, and with their checksums.
        run('ip', 'netns', 'exec', name, 'ethtool', '-K', 'tunnel', 'tx', 'off', 'gso', 'off', 'gro', 'off')
        ip('-n', name, 'link', 'set', 'tunnel', 'mtu', '1500', 'up')
        // Hosts without a network in common: the far end is not near, as on the Internet.
        ip('-n', name, 'address', 'add', `${inner}/32`, 'dev', 'tunnel')
        const other = doors.find((each) => each.inner !== inner)!.inner
        ip('-n', name, 'route', 'add', `${other}/32`, 'dev', 'tunnel', 'src', inner, 'congctl', congestion)
      }
      const [fromA, fromB] = doors.map(({ outer, door }) => ({
        from: { host: outer, port: VXLAN_PORT },
        listen: { host: door, port: VXLAN_PORT },
      }))
      const emulator = await Emulator.start(
        {
          doors: [
            { listen: fromA!.listen, target: fromB!.from },
            { listen: fromB!.listen, target: fromA!.from, isWayBack: true },
          ],
          path: { ...path, mtu: 1_600, headers: -VXLAN_HEADERS },
          seed,
        },
        middle,
      )
      return { namespaces, emulator, a: { namespace: a, host: '10.99.3.1' }, b: { namespace: b, host: '10.99.3.2' } }
    } catch (error) {
      namespaces.close()
      throw error
    }
  }

  close(): void {
    process.off('exit', this.#undo)
    this.#removeAll()
  }

  #removeAll(): void {
    for (const name of this.#names.splice(0)) spawnSync('ip', ['netns', 'delete', name])
  }

  #add(role: string): string {
    const name = `msg-bench-${process.pid}-${role}`
    ip('netns', 'add', name)
    this.#names.push(name)
    ip('-n', name, 'link', 'set', 'lo', 'up')
    return name
  }

  #join(one: { name: string; host: string }, other: { name: string; host: string }, mtu: number): void {
    const [device, peer] = [`to-${other.name.at(-1)}`, `to-${one.name.at(-1)}`]
    ip('link', 'add', device, 'netns', one.name, 'type', 'veth', 'peer', 'name', peer, 'netns', other.name)
    for (const [name, host, dev] of [
      [one.name, one.host, device],
      [other.name, other.host, peer],
    ] as const) {
      ip('-n', name, 'address', 'add', `${host}/24`, 'dev', dev)
      ip('-n', name, 'link', 'set', dev, 'mtu', String(mtu), 'up')
    }
  }
}

const ip = (...args: string[]): void => run('ip', ...args)

function run(command: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`)
}

/** RFC 7348 section 5: the port, and VXLAN's own header with the Ethernet header inside it, bytes. */
const VXLAN_PORT = 4_789
const VXLAN_HEADERS = 8 + 14
