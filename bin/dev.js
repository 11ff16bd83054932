#!/usr/bin/env -S node --import tsx
import { execute } from '@oclif/core'
import { loadOptions } from './load-options.js'

await execute({ development: true, loadOptions })
