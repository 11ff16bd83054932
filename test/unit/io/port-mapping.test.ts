import { expect } from 'chai'
import { PortMapping, type MapperAnswer, type MapperRequest } from '../../../src/core/io/port-mapping.ts'
import { useFakeTimers } from '../../helpers/fake-timers.ts'
import { turns } from '../../helpers/lone-courier.ts'

const MAPPED: MapperAnswer = { by: 'upnp', router: '192.168.1.1', externalHost: '198.51.100.2', externalPort: 40_000 }
const MINUTE = 60_000

describe('a port mapping', () => {
  const timers = useFakeTimers()
  const clock = performance.now.bind(performance)
  let offset = 0
  let asked: Array<Pick<MapperRequest, 'job' | 'port' | 'externalPort' | 'leaseSeconds'>>
  let told: string[]
  let answer: () => Promise<MapperAnswer>
  beforeEach(() => {
    asked = []
    told = []
    offset = 0
    answer = async () => MAPPED
    performance.now = () => clock() + offset
  })
  afterEach(() => {
    performance.now = clock
  })
  const start = (): PortMapping =>
    new PortMapping({
      port: 5_000,
      place: {},
      onMapped: (mapped) => told.push(mapped ? `${mapped.host}:${mapped.port}` : 'none'),
      onFailed: (why) => told.push(why),
      ask: async ({ job, port, externalPort, leaseSeconds }, _deadlineMs, signal) => {
        asked.push({ job, port, externalPort, leaseSeconds })
        const aborted = new Promise<never>((_, reject) =>
          signal?.addEventListener('abort', () => reject(signal.reason as Error)),
        )
        return Promise.race([answer(), aborted])
      },
    })
  const pass = async (ms: number): Promise<void> => {
    offset += ms
    timers.tick(ms)
    await turns()
  }

  it('asks for the same port long before it runs out, tells it once, and gives it back', async () => {
    const mapping = start()
    await turns()
    expect(told).to.deep.equal(['198.51.100.2:40000'])
    for (let i = 0; i < 3; i++) await pass(20 * MINUTE)
    expect(told).to.have.length(1)
    await mapping.close()
    const wish = { job: 'map', port: 5_000, leaseSeconds: 3_600 }
    const again = { ...wish, externalPort: 40_000 }
    expect(asked).to.deep.equal([{ ...wish, externalPort: 5_000 }, again, again, again, { ...again, job: 'unmap' }])
  })

  it('gives back what is opened while it closes, and tells nobody of it', async () => {
    let open!: () => void
    answer = () => new Promise((resolve) => (open = () => resolve(MAPPED)))
    const mapping = start()
    await turns()
    const closing = mapping.close()
    await turns()
    answer = async () => MAPPED
    open()
    await closing
    expect(asked.map(({ job }) => job)).to.deep.equal(['map', 'unmap'])
    expect(told).to.deep.equal([])
  })

  it('tells another address of the router', async () => {
    start()
    await turns()
    answer = async () => ({ ...MAPPED, externalHost: '198.51.100.9' })
    await pass(20 * MINUTE)
    expect(told).to.deep.equal(['198.51.100.2:40000', '198.51.100.9:40000'])
  })

  it('fails once and asks no more where no router opens any', async () => {
    answer = () => Promise.reject(new Error('nobody answered'))
    const mapping = start()
    await turns()
    await pass(120 * MINUTE)
    expect(told).to.deep.equal(['nobody answered'])
    expect(asked).to.have.length(1)
    await mapping.close()
    expect(asked, 'nothing is to be given back').to.have.length(1)
  })

  it('tries every minute while the port is still open, and then says that it is not', async () => {
    start()
    await turns()
    answer = () => Promise.reject(new Error('silence'))
    for (let i = 0; i < 59; i++) await pass(MINUTE)
    expect(told, 'it is still open').to.deep.equal(['198.51.100.2:40000'])
    expect(asked, 'once, then from the twentieth minute on').to.have.length(1 + 40)
    await pass(MINUTE)
    expect(told).to.deep.equal(['198.51.100.2:40000', 'none', 'silence'])
    const before = asked.length
    await pass(120 * MINUTE)
    expect(asked).to.have.length(before)
  })

  it('tells no port of a router that stands behind another one, and gives it back', async () => {
    answer = async () => ({ ...MAPPED, externalHost: '100.64.1.2' })
    const mapping = start()
    await turns()
    expect(told).to.deep.equal(['your router is at 100.64.1.2 itself, behind another one'])
    await mapping.close()
    expect(asked.map(({ job }) => job)).to.deep.equal(['map', 'unmap'])
  })
})
