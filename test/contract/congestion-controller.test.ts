import { CONTROLLERS } from '../../src/core/transport/congestion/controllers.ts'
import { describeCongestionController } from './congestion-controller.ts'

describeCongestionController('bbr', CONTROLLERS.bbr, { floor: 4, isLossBased: false })
describeCongestionController('cubic', CONTROLLERS.cubic, { floor: 2, isLossBased: true })
describeCongestionController('fast', CONTROLLERS.fast, { floor: 2, isLossBased: true })
