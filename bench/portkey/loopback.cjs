// Loaded before Portkey's gateway, which has no option for it: listens on the loopback address instead of on all.
const net = require('node:net')

const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (port, ...rest) {
  const callback = rest.find((argument) => typeof argument === 'function')
  return listen.call(this, { port, host: '127.0.0.1' }, callback)
}
