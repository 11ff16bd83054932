/** The part of JSON Schema (draft 2020-12) that docs/schema uses. */
export interface Schema {
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  readonly format?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean
  readonly items?: Schema
  readonly minItems?: number
  readonly maxItems?: number
  readonly oneOf?: readonly Schema[]
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, Schema>>
}

/** Why `value` does not fit, or `undefined` when it does. */
export function complaintOf(schema: Schema, value: unknown, root: Schema = schema, at = '$'): string | undefined {
  if (schema.$ref !== undefined) {
    const target = root.$defs?.[schema.$ref.replace('#/$defs/', '')]
    return target === undefined ? `${at}: no ${schema.$ref}` : complaintOf(target, value, root, at)
  }
  if (schema.oneOf) {
    const complaints = schema.oneOf.map((option) => complaintOf(option, value, root, at))
    const fitting = complaints.filter((complaint) => complaint === undefined).length
    return fitting >= 1 ? undefined : `${at}: fits none: ${JSON.stringify(value)}`
  }
  if ('const' in schema && value !== schema.const) return `${at}: is not ${JSON.stringify(schema.const)}`
  if (schema.enum && !schema.enum.includes(value)) return `${at}: is none of ${JSON.stringify(schema.enum)}`
  if (schema.type !== undefined && ![schema.type].flat().some((type) => isOfType(value, type)))
    return `${at}: is no ${String(schema.type)}`
  if (typeof value === 'string') {
    if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value))
      return `${at}: is not like ${schema.pattern}`
    if (schema.format === 'date-time' && new Date(value).toISOString() !== value) return `${at}: is no time`
  }
  if (Array.isArray(value)) return complaintOfItems(schema, value, root, at)
  if (typeof value === 'object' && value !== null)
    return complaintOfMembers(schema, value as Record<string, unknown>, root, at)
  return undefined
}

function complaintOfItems(schema: Schema, value: readonly unknown[], root: Schema, at: string): string | undefined {
  if (value.length < (schema.minItems ?? 0) || value.length > (schema.maxItems ?? Infinity))
    return `${at}: has ${value.length} items`
  for (const [index, item] of value.entries()) {
    const complaint = schema.items && complaintOf(schema.items, item, root, `${at}[${index}]`)
    if (complaint !== undefined) return complaint
  }
  return undefined
}

function complaintOfMembers(
  schema: Schema,
  value: Record<string, unknown>,
  root: Schema,
  at: string,
): string | undefined {
  const missing = schema.required?.find((name) => !(name in value))
  if (missing !== undefined) return `${at}: lacks ${missing}`
  for (const [name, member] of Object.entries(value)) {
    const known = schema.properties?.[name]
    if (known === undefined) {
      if (schema.additionalProperties === false) return `${at}: has ${name}`
      continue
    }
    const complaint = complaintOf(known, member, root, `${at}.${name}`)
    if (complaint !== undefined) return complaint
  }
  return undefined
}

function isOfType(value: unknown, type: string): boolean {
  if (type === 'null') return value === null
  if (type === 'array') return Array.isArray(value)
  if (type === 'integer') return Number.isInteger(value)
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value)
  return typeof value === type
}
