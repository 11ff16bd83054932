import { setPriority } from 'node:os'
import type { EmulatorAnswer, EmulatorRequest } from './emulator.ts'
import { Relay } from './relay.ts'

// The process of Emulator: one relay, driven over the process's message channel, gone when that closes.

let relay: Relay | undefined

async function handle(request: EmulatorRequest): Promise<void> {
  switch (request.do) {
    case 'open':
      relay = await Relay.open(request.options)
      return
    case 'change':
      return relay?.change(request.changes)
    case 'rebind':
      return relay?.rebind(request.side, request.host)
    case 'count':
      return
  }
}

try {
  // A link does not wait for the processes that use it. Only root may ask for this; without it the counts show the lateness.
  setPriority(-10)
} catch {
  // As it is, then.
}
process.on('message', (request: EmulatorRequest) => {
  const answer = (rest: Partial<EmulatorAnswer>): void =>
    void process.send!({ addresses: relay?.addresses, counts: relay?.counts, ...rest })
  handle(request).then(
    () => answer({}),
    (error: unknown) => answer({ error: String(error) }),
  )
})
process.on('disconnect', () => process.exit(0))
