import tseslint from 'typescript-eslint'

// Rooms, from the inside out. Each may import itself and the rooms listed, plus `errors.ts`.
const rooms = {
  time: [],
  wire: ['time'],
  crypto: ['time', 'wire'],
  transport: ['time', 'wire', 'crypto'],
  control: ['time', 'wire', 'crypto'],
  chat: ['time', 'wire', 'crypto'],
  transfer: ['time', 'wire', 'crypto'],
}
const PURE = Object.keys(rooms)
const SOCKETS = ['dgram', 'net', 'tls', 'http', 'https', 'http2', 'dns', 'dns/*'].flatMap((name) => [
  name,
  `node:${name}`,
])
const IO = [
  'fs',
  'fs/*',
  'timers',
  'timers/*',
  'child_process',
  'process',
  'readline',
  'readline/*',
  'worker_threads',
  'os',
]
const NODE_IO = [...SOCKETS, ...IO.flatMap((name) => [name, `node:${name}`])]
const IO_GLOBALS = [
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'Date',
  'performance',
  'process',
  'fetch',
  'queueMicrotask',
].map((name) => ({ name, message: 'pure rooms get time and randomness as arguments' }))

const deny = (group, message) => ({ group, message })
const denyImports = (...patterns) => ({ '@typescript-eslint/no-restricted-imports': ['error', { patterns }] })
const outside = (room) =>
  [
    'io',
    'store',
    'plugins',
    'server',
    'client',
    'transfers',
    // transport has a folder of that name itself.
    ...(room === 'transport' ? [] : ['streams']),
    ...PURE.filter((other) => other !== room && !rooms[room].includes(other)),
  ]
    // Interfaces of control and transport may be named from every room: types vanish.
    .flatMap((other) => [`**/${other}/*`, `**/${other}/**`])
/** Modules of core that import nothing. */
const LEAVES = ['!**/core/wire/visible.ts', '!**/core/wire/plugin-id.ts']
const noCli = deny(['@oclif/*', '**/commands/**', '**/cli/**'], 'core does not know the CLI')

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', 'coverage/**'] },
  ...tseslint.configs.recommended,
  {
    rules: {
      'no-console': 'error',
      eqeqeq: 'error',
      'prefer-const': ['error', { ignoreReadBeforeAssign: true }],
      'object-shorthand': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-unused-expressions': 'off',
    },
  },
  {
    files: ['src/**/*.ts'],
    languageOptions: { parserOptions: { project: 'tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': [
        'error',
        { checksVoidReturn: { arguments: false, attributes: false } },
      ],
    },
  },
  {
    // Every event and every kind of setting is shown: a new one must not be forgotten.
    files: ['src/cli/**/*.ts'],
    languageOptions: { parserOptions: { project: 'tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  ...PURE.map((room) => ({
    files: [`src/core/${room}/**/*.ts`],
    rules: {
      ...denyImports(
        deny(NODE_IO, 'pure room: no I/O'),
        noCli,
        deny(outside(room), `${room} may import: ${[room, ...rooms[room]].join(', ')}`),
      ),
      'no-restricted-globals': ['error', ...IO_GLOBALS],
      'no-restricted-syntax': [
        'error',
        { selector: ':function[async=true], AwaitExpression', message: 'pure rooms are synchronous' },
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'take a seeded generator as an argument' },
      ],
    },
  })),
  // Rooms that may do I/O, and what each of them may not see.
  ...Object.entries({
    'io/**/*': ['server', 'client', 'plugins', 'store', 'streams', 'transfers'],
    'store/**/*': ['server', 'client', 'plugins', 'streams', 'transfers'],
    'streams/**/*': ['server', 'client', 'plugins', 'store', 'transfers'],
    'transfers/**/*': ['server', 'client', 'plugins', 'store'],
    'plugins/**/*': ['io', 'server', 'client'],
    'server/**/*': ['client'],
    'client/**/*': ['server', 'store'],
    '*': [],
  }).map(([files, hidden]) => ({
    files: [`src/core/${files}.ts`],
    rules: denyImports(
      noCli,
      // What plugins are told is what their hosts tell: types vanish.
      ...hidden.map((room) =>
        deny(
          [`**/${room}/**`, ...(files === 'plugins/**/*' ? ['!**/client/events.ts', '!**/server/events.ts'] : [])],
          `not visible from here: ${room}`,
        ),
      ),
    ),
  })),
  {
    files: ['src/commands/**/*.ts', 'src/cli/**/*.ts'],
    rules: {
      ...denyImports(
        // What the terminal shows, and what a file may say, must not load the whole library.
        deny(['**/core/*/**', ...LEAVES], 'import src/core/index.ts'),
        deny(SOCKETS, 'sockets live in src/core/io'),
      ),
      'no-console': 'off',
    },
  },
  {
    files: ['src/cli/**/*.ts'],
    ignores: [
      'src/cli/base-command.ts',
      'src/cli/flags.ts',
      'src/cli/admin.ts',
      'src/cli/client/one-shot.ts',
      'src/cli/plugin-one-shot.ts',
      'src/cli/plugin-packages/{command,installing,probe,unloadable}.ts',
      'src/cli/hooks/**',
    ],
    rules: denyImports(
      deny(['**/core/*/**', ...LEAVES], 'import src/core/index.ts'),
      deny(SOCKETS, 'sockets live in src/core/io'),
      deny(['@oclif/*', '**/commands/**'], 'oclif lives in the base commands, flags and commands'),
    ),
  },
  {
    files: ['plugins/*/src/server.ts', 'plugins/*/src/server/**/*.ts'],
    rules: denyImports(deny(['**/client*'], 'halves share protocol.ts only')),
  },
  {
    files: ['plugins/*/src/client.ts', 'plugins/*/src/client/**/*.ts'],
    rules: denyImports(deny(['**/server*'], 'halves share protocol.ts only')),
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts', 'scripts/**/*.js', '*.js', 'bin/*.js'],
    rules: { 'no-console': 'off', '@typescript-eslint/no-non-null-assertion': 'off' },
  },
)
