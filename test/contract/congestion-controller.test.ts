import { createCubic } from '../../src/core/transport/congestion/cubic.ts'
import { describeCongestionController } from './congestion-controller.ts'

describeCongestionController('cubic', createCubic)
