import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { RunMark } from './family.ts'

/**
 * A small process that outlives this one by a moment: when this one is gone, however that came, it ends the runs that were left.
 *
 * Started with the first run. It hears of this process's end by the end of its standard input.
 */
export class Guardian {
  #child: ChildProcess | undefined

  /** @returns call it when the run is over. */
  watch(pid: number, { variable, locks }: RunMark): () => void {
    this.#tell(`+ ${pid} ${variable} ${locks}\n`)
    return () => this.#tell(`- ${pid}\n`)
  }

  /** Lets it go; with no runs left it just ends. */
  close(): void {
    this.#child?.stdin?.end()
    this.#child = undefined
  }

  #tell(line: string): void {
    const child = (this.#child ??= this.#start())
    child.stdin?.write(line)
  }

  #start(): ChildProcess {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const path = fileURLToPath(new URL(`./guardian-process.${extension}`, import.meta.url))
    // Of how this process was started only what loads sources matters; anything else could start it all over again.
    const loaders = process.execArgv.filter(
      (word) => word.startsWith('--import=') || word === '--import' || word === 'tsx',
    )
    const child = spawn(process.execPath, [...(extension === 'ts' ? loaders : []), path], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { PATH: process.env['PATH'] ?? '' },
      windowsHide: true,
    })
    const forget = (): void => {
      if (this.#child === child) this.#child = undefined
    }
    child.once('error', forget)
    child.once('exit', forget)
    child.stdin?.on('error', forget)
    // It never keeps this process from ending.
    child.unref()
    ;(child.stdin as unknown as { unref?: () => void } | null)?.unref?.()
    return child
  }
}
