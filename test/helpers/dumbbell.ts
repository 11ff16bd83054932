import { seconds } from '../../src/core/time/instant.ts'
import type { CongestionControllerFactory } from '../../src/core/transport/congestion/controller.ts'
import type { EndpointEvent } from '../../src/core/transport/endpoint.ts'
import { makeEnd, record, type End } from './linked-pair.ts'
import { Network, type Path } from './network.ts'
import { seededBytes, seededRandom } from './random.ts'

/** Pairs of endpoints whose links all go through one bottleneck, with one queue each way. */
export class Dumbbell {
  readonly network: Network<EndpointEvent>
  readonly pairs: ReadonlyArray<{ readonly a: End; readonly b: End }>

  /** @param controllers - of each pair in turn; `undefined` is the link's own choice. */
  constructor(path: Path, seed: number, controllers: ReadonlyArray<CongestionControllerFactory | undefined>) {
    const random = seededBytes(seededRandom(seed * 7_919))
    const ends = new Map<string, End>()
    this.network = new Network(path, seed, (host, event) => record(ends.get(host)!, event))
    const make = (side: string): End[] =>
      controllers.map((createController, i) => {
        const end = makeEnd(`${side}${i}`, random, createController)
        ends.set(end.host, end)
        this.network.add(end.host, end.endpoint, i === 0 ? undefined : `${side}0`)
        return end
      })
    const [all, others] = [make('a'), make('b')]
    this.pairs = all.map((a, i) => ({ a, b: others[i]! }))
  }

  /** Opens the link of pair `i`, now. */
  open(i: number): { readonly a: End; readonly b: End } {
    const { a, b } = this.pairs[i]!
    b.endpoint.expect({ instance: a.instance, key: a.key })
    a.link = a.endpoint.connect(this.network.now, { instance: b.instance, key: b.key }, [{ host: b.host, port: 1 }])
    this.network.run(() => a.isOpen && b.isOpen, seconds(10))
    return { a, b }
  }
}
