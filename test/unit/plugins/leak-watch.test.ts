import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { LeakWatch } from '../../../src/core/plugins/leak-watch.ts'

describe('plugins/leak-watch', () => {
  it('goes on watching one that starts while another has started', async () => {
    const watch = new LeakWatch()
    const [slow, quick] = [{}, {}]
    const slowly = watch.run(slow, async () => {
      await delay(10)
      setInterval(() => {}, 1_000)
    })
    await watch.run(quick, async () => void setInterval(() => {}, 1_000))
    await slowly
    expect(watch.end(quick)).to.deep.equal(['1 timer'])
    expect(watch.end(slow)).to.deep.equal(['1 timer'])
  })
})
