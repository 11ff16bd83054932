import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { link, mkdir, mkdtemp, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SocketAddress } from '../../src/core/transport/endpoint-api.ts'
import { loadCertificate } from '../../src/core/io/certificate.ts'
import { wallMicros, type MeterPoint } from './ends/meter.ts'
import type { Place } from './flow.ts'

/** A file transfer program of others, measured from outside. */
export interface ExternalPeer {
  readonly name: string
  /** Debian's packages that bring it. */
  readonly packages: string
  readonly programs: readonly string[]
  /** The side that waits: given a port on its own host. */
  readonly wait: (files: Files, at: SocketAddress) => readonly string[]
  /** The side that asks, and where it asks: an emulator perhaps. */
  readonly ask: (files: Files, to: SocketAddress) => readonly string[]
  /** Who sends: an emulated path's way there is the asker's. */
  readonly sender: 'waits' | 'asks'
  /** Puts what it needs beside the files: keys, say. */
  readonly prepare?: (files: Files) => Promise<unknown>
}

/** Where an {@link ExternalPeer} finds and puts things. */
export interface Files {
  readonly directory: string
  /** The file to send. */
  readonly source: string
  /** The folder to put it into, under the same name. */
  readonly landing: string
}

export const SRT: ExternalPeer = {
  name: 'SRT (AES-128)',
  packages: 'srt-tools',
  programs: ['srt-file-transmit'],
  wait: ({ landing }, { host, port }) => [
    'srt-file-transmit',
    '-q',
    `srt://${host}:${port}?mode=listener&passphrase=${PASSPHRASE}&pbkeylen=16`,
    `file://${landing}/`,
  ],
  ask: ({ source }, { host, port }) => [
    'srt-file-transmit',
    '-q',
    `file://${source}`,
    `srt://${host}:${port}?mode=caller&passphrase=${PASSPHRASE}&pbkeylen=16`,
  ],
  sender: 'asks',
}

export const QUIC: ExternalPeer = {
  name: 'QUIC (ngtcp2)',
  packages: 'ngtcp2-client and ngtcp2-server',
  programs: ['gtlsclient', 'gtlsserver'],
  wait: ({ directory }, { host, port }) => [
    'gtlsserver',
    '-q',
    '-d',
    directory,
    host,
    `${port}`,
    join(directory, 'server-key.pem'),
    join(directory, 'server-cert.pem'),
  ],
  ask: ({ landing }, { host, port }) => [
    'gtlsclient',
    '-q',
    '--exit-on-all-streams-close',
    `--download=${landing}`,
    host,
    `${port}`,
    `https://localhost/${SOURCE}`,
  ],
  sender: 'waits',
  prepare: ({ directory }) => loadCertificate(directory),
}

/** Why a peer cannot be measured here, or `undefined`. */
export function unavailable({ programs, packages }: ExternalPeer): string | undefined {
  const missing = programs.filter((program) => spawnSync('which', [program]).status !== 0)
  return missing.length === 0 ? undefined : `${missing.join(', ')} not found: install Debian's ${packages}`
}

/** What {@link transfer} takes. */
export interface TransferOptions {
  readonly bytes: number
  /** Ends the transfer early, seconds. */
  readonly seconds?: number
  readonly waits?: Place
  readonly asks?: Place
  /** Puts something in between: given where the waiting side is, says where to ask. */
  readonly through?: (address: SocketAddress) => Promise<SocketAddress>
  /** Folder to work in. @default one in memory */
  readonly within?: string
  /** A file of `bytes` on the same file system as `within`. @default zeros */
  readonly source?: string
  /** Called with the received file before it is deleted; not when there is none. */
  readonly onReceived?: (path: string) => Promise<void>
}

/** Sends one file, from memory to memory (tmpfs where there is one) unless told otherwise. @returns how the received file grew. */
export async function transfer(
  peer: ExternalPeer,
  { bytes, seconds = 120, waits = LOOPBACK, asks = LOOPBACK, through, within, source, onReceived }: TransferOptions,
): Promise<MeterPoint[]> {
  const directory = await mkdtemp(join(within ?? (existsSync('/dev/shm') ? '/dev/shm' : tmpdir()), 'msg-bench-'))
  const files = { directory, source: join(directory, SOURCE), landing: join(directory, 'landing') }
  const running: ChildProcess[] = []
  const undo = (): void => {
    for (const child of running) child.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  }
  process.once('exit', undo)
  try {
    await mkdir(files.landing)
    if (source === undefined) {
      await writeFile(files.source, '')
      await truncate(files.source, bytes)
    } else await link(source, files.source)
    await peer.prepare?.(files)
    const at = { host: waits.host, port: FIRST_PORT + Math.floor(Math.random() * PORTS) }
    running.push(start(waits, peer.wait(files, at)))
    const to = (await through?.(at)) ?? at
    await new Promise((resolve) => setTimeout(resolve, LISTENING_AFTER_MS))
    const asking = start(asks, peer.ask(files, to))
    running.push(asking)
    const points = await watch(join(files.landing, SOURCE), bytes, seconds)
    if (points.length > 0) await onReceived?.(join(files.landing, SOURCE))
    return points
  } finally {
    process.off('exit', undo)
    undo()
  }
}

async function watch(path: string, bytes: number, seconds: number): Promise<MeterPoint[]> {
  const points: MeterPoint[] = []
  for (const deadline = wallMicros() + seconds * 1_000_000; wallMicros() < deadline;) {
    const size = await stat(path).then(
      (found) => found.size,
      () => 0,
    )
    if (size > 0) points.push({ at: wallMicros(), bytes: size })
    if (size >= bytes) break
    await new Promise((resolve) => setTimeout(resolve, WATCH_GAP_MS))
  }
  return points
}

function start({ namespace }: Place, argv: readonly string[]): ChildProcess {
  const [command, ...args] = namespace === undefined ? argv : ['ip', 'netns', 'exec', namespace, ...argv]
  const child = spawn(command!, args, { stdio: 'ignore' })
  child.on('error', () => {})
  return child
}

const LOOPBACK: Place = { host: '127.0.0.1' }
/** Name of the file that is sent. */
export const SOURCE = 'file.bin'
/** SRT asks for 10 to 79 characters; this one protects nothing but a benchmark. */
const PASSPHRASE = 'benchmark-passphrase'
/** These programs cannot choose a free port themselves. */
const FIRST_PORT = 20_000
const PORTS = 10_000
const LISTENING_AFTER_MS = 500
const WATCH_GAP_MS = 20
