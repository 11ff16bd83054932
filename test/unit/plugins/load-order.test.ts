import { expect } from 'chai'
import fc from 'fast-check'
import { startOrder, type Startable } from '../../../src/core/plugins/load-order.ts'

const plugin = (id: string, ...requires: string[]): Startable => ({ id, requires })
const ids = (plugins: readonly Startable[]): string[] => plugins.map(({ id }) => id)

describe('plugins/load-order', () => {
  it('keeps the order that it was given where nothing is required', () => {
    expect(ids(startOrder([plugin('b'), plugin('a'), plugin('c')]).order)).to.deep.equal(['b', 'a', 'c'])
  })

  it('starts what is required first', () => {
    const { order, refused } = startOrder([plugin('a', 'b'), plugin('b', 'c'), plugin('c')])
    expect(ids(order)).to.deep.equal(['c', 'b', 'a'])
    expect(refused).to.deep.equal([])
  })

  it('says what is missing, what goes in circles, and what is there twice', () => {
    const { order, refused } = startOrder([
      plugin('a', 'nowhere'),
      plugin('b', 'c'),
      plugin('c', 'b'),
      plugin('d'),
      plugin('d'),
      plugin('e', 'e'),
    ])
    expect(ids(order)).to.deep.equal(['d'])
    expect(refused.map(({ plugin: { id }, reason }) => `${id}: ${reason}`)).to.deep.equal([
      'd: another plugin with this id is there already',
      'a: it requires nowhere, which is not there',
      'b: it requires c, which does not start before it',
      'c: it requires b, which does not start before it',
      'e: it requires e, which does not start before it',
    ])
  })

  it('loses nobody, and starts nobody before what they require', () => {
    const names = fc.constantFrom('a', 'b', 'c', 'd', 'e')
    const plugins = fc.array(fc.record({ id: names, requires: fc.array(names, { maxLength: 2 }) }), { maxLength: 8 })
    fc.assert(
      fc.property(plugins, (given) => {
        const { order, refused } = startOrder(given)
        expect([...order, ...refused.map(({ plugin: one }) => one)]).to.have.members(given)
        for (const [i, { requires }] of order.entries())
          expect(ids(order.slice(0, i))).to.include.members([...requires])
      }),
    )
  })
})
