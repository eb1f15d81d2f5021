import manifest from '../../package.json' with { type: 'json' }

/** The version of this agent, as `agent --version` prints it and metrics and status name it. */
export const version: string = manifest.version
