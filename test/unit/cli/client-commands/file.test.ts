import { homedir } from 'node:os'
import { expect } from 'chai'
import { CLIENT_COMMANDS } from '../../../../src/cli/client-commands/table.ts'
import type { ClientSession } from '../../../../src/cli/client/session.ts'
import { parseLine } from '../../../../src/cli/lines/parse.ts'
import { palette } from '../../../../src/cli/render/palette.ts'
import type { TransferStatus } from '../../../../src/core/index.ts'
import { expectRejects } from '../../../helpers/errors.ts'
import { FakeClient, FakeNetwork } from '../../../helpers/fake-network.ts'

const plain = palette(false)
const offer: TransferStatus = {
  id: `1f${'0'.repeat(30)}`,
  direction: 'in',
  with: 'bob',
  room: null,
  name: 'holiday\u001b[2J',
  kind: 'folder',
  size: 34_500_000,
  files: 3,
  bytes: 0,
  rate: 0,
  etaSeconds: null,
  sources: 1,
  state: 'offered',
}

describe('the commands about files', () => {
  let client: FakeClient

  beforeEach(() => {
    client = new FakeClient(new FakeNetwork(), { server: 'fake' })
    client.transferring = [offer]
  })

  async function type(line: string): Promise<string> {
    const { command, values } = parseLine(CLIENT_COMMANDS, line)
    const fields = await command.run({ client } as unknown as ClientSession, values)
    return command.text(fields, plain).join('\n')
  }

  it('list offers with kind, size and sender, names shown safely', async () => {
    expect((await type('file offers')).split('\n')).to.deep.equal([
      'id        name              kind    size     items  from',
      '1f000000  holiday\\u001b[2J  folder  34.5 MB  3      bob',
    ])
    client.transferring = []
    expect(await type('file offers')).to.equal('Nothing is offered to you.')
  })

  it('show every name and size of an offer, and the total', async () => {
    client.contents = [
      { path: 'a', kind: 'folder', size: 0 },
      { path: 'a/b.jpg', kind: 'file', size: 34_000_000 },
      { path: 'a/\u202egnp.exe', kind: 'file', size: 500_000 },
    ]
    expect(await type('file show')).to.equal(
      [
        '  holiday\\u001b[2J  folder, 2 files, 34.5 MB',
        '  from bob',
        '             a/',
        '    34.0 MB  a/b.jpg',
        '     500 kB  a/\\u202egnp.exe',
        '2 files, 34.5 MB in all.',
      ].join('\n'),
    )
  })

  it('accept with a folder, a limit and a checkpoint', async () => {
    await type('file accept 1f --to ~/in --limit 20MB/s --checkpoint 50%')
    expect(client.did.at(-1)).to.equal(`accept 1f ${homedir()}/in limit 20000000 checkpoint 0.5`)
    await type('file accept 1f --checkpoint none')
    expect(client.did.at(-1)).to.equal('accept 1f')
    await expectRejects(type('file accept 1f --limit fast'), 'MSG_ERR_USAGE')
    await expectRejects(type('file accept 1f --checkpoint half'), 'MSG_ERR_USAGE')
  })

  it('pause, continue and stop the one that can be meant', async () => {
    await expectRejects(type('file pause'), 'MSG_ERR_TRANSFER_UNKNOWN')
    for (const [state, line] of [
      ['active', 'pause'],
      ['paused', 'continue'],
      ['waiting', 'stop'],
    ] as const) {
      client.transferring = [{ ...offer, state }]
      await type(`file ${line}`)
      expect(client.did.at(-1)).to.equal(`${line} ${offer.id}`)
    }
    client.transferring = ['1', '2'].map((digit) => ({ ...offer, id: digit.repeat(32), state: 'active' }))
    await expectRejects(type('file pause'), 'MSG_ERR_USAGE')
  })

  it('limit everything, or one, and lift it', async () => {
    expect(await type('file limit 20MB/s')).to.equal('At most 20.0 MB/s for everything you send.')
    expect(await type('file limit 1MiB 1f')).to.equal('At most 1.05 MB/s for 1f.')
    expect(await type('file limit OFF')).to.equal('No limit for everything you send.')
    expect(client.did).to.deep.equal(['limit 20000000 everything', 'limit 1048576 1f', 'limit null everything'])
    await expectRejects(type('file limit 20MB/h'), 'MSG_ERR_USAGE')
  })

  it('say what goes first', async () => {
    expect(await type('file priority 1f High')).to.equal('Priority of 1f: high.')
    expect(client.did).to.deep.equal(['priority 1f high'])
    await expectRejects(type('file priority 1f urgent'), 'MSG_ERR_USAGE')
  })
})
