// What the gateway itself answers to clients. The types of the code, and the OpenAPI document, are made of these.
import { z } from 'zod'

/** `GET /health`. */
export const healthSchema = z
  .object({ status: z.literal('ok').meta({ description: 'Never anything else.' }) })
  .meta({ description: 'This process answers.' })
export type Health = z.infer<typeof healthSchema>

/** `GET /aggregate/areas`. */
export const areasSchema = z
  .object({
    items: z.array(z.unknown()).meta({ description: 'The list of the upstream, as it is.' }),
    aggregated_at: z.string().meta({ format: 'date-time', description: 'When it was fetched.' }),
  })
  .meta({ description: 'The areas that the upstream knows, and when it was asked.' })

/** Every refusal (RFC 9457). */
export const problemSchema = z
  .object({
    type: z
      .string()
      .meta({ description: 'The code as a URN.', examples: ['urn:leeward:problem:breaker-open'] }),
    title: z.string().meta({ description: 'The same for every refusal with this code.' }),
    status: z.int().min(400).max(599).meta({ description: 'That of the answer.' }),
    detail: z.string().meta({ description: 'What happened to this request.' }),
    code: z.string().meta({ description: 'The stable name of the refusal.', examples: ['breaker-open'] }),
  })
  .meta({ description: 'Why the gateway did not answer.' })
export type Problem = z.infer<typeof problemSchema>
