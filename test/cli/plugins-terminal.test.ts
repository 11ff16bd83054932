import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { pluginTarball } from '../helpers/plugin-package.ts'
import { BIN, sandbox } from '../helpers/run-msg.ts'
import { useTempDir } from '../helpers/temp-dir.ts'
import { isTmuxAvailable, TmuxScreen } from '../helpers/tmux.ts'

describe('installing a plugin on a terminal', function () {
  const directory = useTempDir()
  let screen: TmuxScreen | undefined
  before(function () {
    if (!isTmuxAvailable()) this.skip()
  })
  afterEach(() => {
    screen?.close()
    screen = undefined
  })
  const start = (...args: string[]): TmuxScreen => {
    screen?.close()
    pluginTarball(join(directory(), 'hello.tgz'), { command: 'hi' })
    // tmux scrolls by a line when a program ends: the first one is for that.
    const command = ['sh', '-c', 'echo; exec "$0" "$@"', process.execPath, BIN, 'plugins', ...args]
    screen = new TmuxScreen(command, { env: sandbox(directory()), cwd: directory(), columns: 110, rows: 30 })
    return screen
  }
  const isInstalled = (): boolean => existsSync(join(directory(), 'data', 'msg', 'plugin-packages'))

  it('shows what it declares and asks; Enter alone is no', async () => {
    const terminal = start('install', 'hello.tgz')
    const lines = await terminal.until((text) => text.includes('Trust msg-plugin-hello and install it?'))
    for (const text of [
      'msg-plugin-hello 1.0.0',
      'says hello',
      'server, client, 1 command',
      'msg hi',
      'scripts   none',
    ])
      expect(lines.join('\n')).to.contain(text)
    terminal.press('Enter')
    expect(await terminal.exitStatus()).to.equal(8)
    await terminal.until((text) => text.includes('msg-plugin-hello was not trusted; nothing was changed'))
    expect(isInstalled()).to.equal(false)
  })

  it('installs after yes, does not ask again for the very same package, and goes', async () => {
    const terminal = start('install', 'hello.tgz')
    await terminal.until((text) => text.includes('install it?'))
    terminal.type('y')
    terminal.press('Enter')
    expect(await terminal.exitStatus()).to.equal(0)
    await terminal.until((text) => text.includes('installed msg-plugin-hello 1.0.0: server, client, 1 command'))
    const again = start('install', 'hello.tgz')
    expect(await again.exitStatus()).to.equal(0)
    await again.until((text) => text.includes('is installed already'))
    const gone = start('uninstall', 'hello')
    expect(await gone.exitStatus()).to.equal(0)
    await gone.until((text) => text.includes('uninstalled msg-plugin-hello 1.0.0'))
    expect(isInstalled()).to.equal(false)
  })

  it('is left with Ctrl-C, with the status of the signal, and nothing is left', async () => {
    const terminal = start('install', 'hello.tgz')
    await terminal.until((text) => text.includes('install it?'))
    terminal.press('C-c')
    expect(await terminal.exitStatus()).to.equal(130)
    await terminal.until((text) => text.includes('cancelled: nothing was changed'))
    expect(isInstalled()).to.equal(false)
  })
})
