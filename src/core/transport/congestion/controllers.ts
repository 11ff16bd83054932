import { createBbr } from './bbr.ts'
import type { CongestionControllerFactory } from './controller.ts'
import { createCubic } from './cubic.ts'
import { createFast } from './fast.ts'

/** Every congestion controller by the name that flags, configuration and traces use. */
export const CONTROLLERS = {
  bbr: createBbr,
  cubic: createCubic,
  fast: createFast,
} as const satisfies Record<string, CongestionControllerFactory>

/** Name of a congestion controller. */
export type Congestion = keyof typeof CONTROLLERS
