/**
 * True for programs that run whatever their arguments say: shells, interpreters, and those that start other programs. Only a rule that names
 * one lets it run.
 *
 * @param name - the last part of a path; versions and kinds at its end do not count (`python3.11`, `vim.basic`, `perl5.36-x86_64-linux-gnu`).
 */
export function isInterpreter(name: string): boolean {
  const lower = name.toLowerCase()
  return [lower, lower.replace(/[-.\d]+$/u, ''), lower.replace(/[-.\d].*$/u, '')].some((known) => NAMES.has(known))
}

const NAMES = new Set(
  [
    'sh ash bash dash zsh ksh mksh csh tcsh fish elvish nu pwsh rbash busybox toybox',
    'python pypy perl ruby node nodejs deno bun lua luajit php tclsh wish expect guile ghci julia r rscript groovy java jshell erl elixir iex',
    'awk gawk mawk nawk sed ed ex vi vim nvim view emacs less more man',
    'env xargs find parallel sudo doas su runuser pkexec ssh scp rsync nohup setsid timeout nice ionice chrt taskset stdbuf time watch script screen tmux',
    'flock setarch linux32 linux64 i386 x86_64 uname26 choom logsave run-parts start-stop-daemon ssh-agent sg newgrp fakeroot socat',
    'npx npm bwrap xvfb-run dbus-run-session rlwrap unbuffer m4 dc gcc cc',
    'chroot unshare nsenter setpriv capsh prlimit systemd-run at batch crontab docker podman kubectl ld ld-linux gdb strace ltrace make git tar',
  ].flatMap((line) => line.split(' ')),
)
