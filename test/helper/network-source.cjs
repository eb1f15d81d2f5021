/**
 * Preloaded into the agents of the tests that break the network: what a pod sends has the pod's
 * address as its source. Pods have that from Kubernetes; on the loopback interface of one machine
 * everything would come from 127.0.0.1. Servers have it by `bind`.
 */
const { Socket } = require('node:net')

const connect = Socket.prototype.connect

Socket.prototype.connect = function (...args) {
  // node:net calls it with one array: the options and the callback.
  const [options] = Array.isArray(args[0]) ? args[0] : args
  if (options && typeof options === 'object' && !options.path)
    options.localAddress ??= process.env.POD_IP
  return connect.apply(this, args)
}
