import { expect } from 'chai'
import { checkpointQuestion, Checkpoints } from '../../../../src/cli/client/checkpoint.ts'
import type { ClientEvent } from '../../../../src/core/index.ts'
import { FakeClient, FakeNetwork } from '../../../helpers/fake-network.ts'

const id = '1f'.repeat(16)
const facts = { id, direction: 'in', with: 'bob', room: null, name: 'film\u001b[2J.mkv' } as const
const checkpoint = {
  type: 'transfer.checkpoint',
  ...facts,
  fraction: 0.5,
  bytes: 1_200_000_000,
  size: 2_400_000_000,
} as const

describe('the question at a checkpoint', () => {
  let client: FakeClient
  beforeEach(() => {
    client = new FakeClient(new FakeNetwork(), { server: 'fake' })
  })

  it('says what is here', () => {
    expect(checkpointQuestion(checkpoint)).to.equal('50 % of film\\u001b[2J.mkv is here (1.20 GB of 2.40 GB). Go on?')
    expect(checkpointQuestion({ ...checkpoint, fraction: 0.125 })).to.match(/^12\.5 % of/u)
  })

  it('goes on or stops as it is answered', async () => {
    for (const [answer, did] of [
      [true, 'continue'],
      [false, 'stop'],
    ] as const) {
      await new Checkpoints({ client: () => client, confirm: async () => answer }).handleEvent(checkpoint)
      expect(client.did.at(-1)).to.equal(`${did} ${id}`)
    }
  })

  it('goes on where nobody can be asked', async () => {
    await new Checkpoints({ client: () => client, confirm: undefined }).handleEvent(checkpoint)
    expect(client.did).to.deep.equal([`continue ${id}`])
  })

  it('is taken back when something else has answered', async () => {
    const ends: ClientEvent[] = [
      { type: 'transfer.continued', ...facts, by: 'you' },
      { type: 'transfer.stopped', ...facts, by: 'them' },
      { type: 'disconnected', reason: 'x' },
    ]
    for (const end of ends) {
      const checkpoints = new Checkpoints({
        client: () => client,
        confirm: (_question, options) => {
          // As the prompt passes them on.
          const { signal } = { ...options }
          return new Promise((resolve) => signal.addEventListener('abort', () => resolve(false)))
        },
      })
      const asked = checkpoints.handleEvent(checkpoint)
      await checkpoints.handleEvent(end)
      await asked
    }
    expect(client.did).to.deep.equal([])
  })
})
