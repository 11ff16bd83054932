import { gzipSync } from 'node:zlib'

/** An entry of a tarball that {@link tarball} makes: a file unless `type` says otherwise. */
export interface TarEntry {
  readonly name: string
  readonly content?: string | Buffer
  /** Type flag of ustar: `5` a folder, `2` a symbolic link, `x` an extended header, … */
  readonly type?: string
  /** What the header says, whatever the content is. */
  readonly size?: number
  readonly linkname?: string
}

/** A gzipped tar archive; whatever is asked for, however wrong. */
export function tarball(entries: readonly TarEntry[]): Buffer {
  return gzipSync(Buffer.concat([...entries.flatMap(blocks), Buffer.alloc(1024)]))
}

/** The content of an extended header. */
export function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`
  let length = rest.length
  while (`${length}${rest}`.length !== length) length = `${length}${rest}`.length
  return `${length}${rest}`
}

function blocks({ name, content = '', type = '0', size, linkname = '' }: TarEntry): Buffer[] {
  const body = Buffer.from(content)
  const header = Buffer.alloc(512)
  header.write(name.slice(0, 100), 0)
  header.write('0000644\0', 100)
  header.write(`${(size ?? body.byteLength).toString(8).padStart(11, '0')}\0`, 124)
  header.write('00000000000\0', 136)
  header.write('        ', 148)
  header.write(type, 156)
  header.write(linkname, 157)
  header.write('ustar\x0000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return [header, body, Buffer.alloc((512 - (body.byteLength % 512)) % 512)]
}
