import { answerRequests } from '../../helpers/asked-process.ts'
import type { EndAnswer, EndRequest, LinkSample } from './end-process.ts'
import type { Protocol, Receiver, Sender } from './end.ts'
import { wallMicros } from './meter.ts'
import * as msg from './msg.ts'
import * as tcp from './tcp.ts'
import * as udx from './udx.ts'

// The process of EndProcess: one end of one flow, driven over the process's message channel, gone when that closes.

const PROTOCOLS: Record<Protocol, { listen: typeof msg.listen; dial: typeof msg.dial }> = { msg, udx, tcp }

let receiver: Receiver | undefined
let sender: Sender | undefined

async function handle(request: EndRequest): Promise<Partial<EndAnswer>> {
  switch (request.do) {
    case 'listen':
      receiver = await PROTOCOLS[request.protocol].listen(request.options)
      return { address: receiver.address }
    case 'dial':
      sender = await PROTOCOLS[request.protocol].dial(request.options, request.to)
      return {}
    case 'send': {
      const samples: LinkSample[] = []
      const sampling = setInterval(() => sample(samples), SAMPLE_GAP_MS)
      await sender?.send(request.load)
      clearInterval(sampling)
      sample(samples)
      return { samples }
    }
    case 'sample': {
      const samples: LinkSample[] = []
      sample(samples)
      return { samples }
    }
    case 'reached':
      await receiver?.meter.reached(request.bytes)
      return { points: receiver?.meter.report() ?? [] }
    case 'report':
      return { points: receiver?.meter.report() ?? [], latencies: receiver?.latencies ?? [] }
    case 'close':
      await Promise.all([receiver?.close(), sender?.close()])
      return {}
  }
}

function sample(into: LinkSample[]): void {
  const stats = sender?.stats()
  if (stats) into.push({ at: wallMicros(), ...stats })
}

answerRequests(handle)

/** Often enough for a picture, seldom enough to cost nothing. */
const SAMPLE_GAP_MS = 20
