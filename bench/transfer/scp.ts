import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { SOURCE, type ExternalPeer } from '../link/external.ts'

/** sshd starts itself again and therefore wants its whole path. */
const SSHD = '/usr/sbin/sshd'
const PRIVSEP = '/run/sshd'

/** OpenSSH as a user gets it, its own choice of cipher included: a server for this one file, with keys that are thrown away. */
export const SCP: ExternalPeer = {
  name: 'scp',
  packages: 'openssh-client and openssh-server',
  programs: ['scp', 'ssh-keygen', SSHD],
  prepare: async ({ directory }) => {
    for (const key of ['host-key', 'user-key'])
      spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, key)])
    copyFileSync(join(directory, 'user-key.pub'), join(directory, 'authorized-keys'))
    writeFileSync(join(directory, 'sshd.conf'), configuration(directory))
    // Where sshd locks itself in before anybody has signed in; Debian's service makes it.
    if (userInfo().uid === 0 && !existsSync(PRIVSEP)) mkdirSync(PRIVSEP, { mode: 0o755 })
  },
  wait: ({ directory }, { host, port }) => [
    SSHD,
    '-D',
    '-f',
    join(directory, 'sshd.conf'),
    '-o',
    `ListenAddress=${host}:${port}`,
  ],
  ask: ({ directory, source, landing }, { host, port }) => [
    'scp',
    '-q',
    '-F',
    '/dev/null',
    '-P',
    `${port}`,
    '-i',
    join(directory, 'user-key'),
    '-o',
    'IdentitiesOnly=yes',
    '-o',
    'StrictHostKeyChecking=no',
    '-o',
    'UserKnownHostsFile=/dev/null',
    source,
    `${userInfo().username}@${host}:${join(landing, SOURCE)}`,
  ],
  sender: 'asks',
}

const configuration = (directory: string): string => `
HostKey ${directory}/host-key
AuthorizedKeysFile ${directory}/authorized-keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
Subsystem sftp internal-sftp
`
