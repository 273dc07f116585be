'use strict';
// The browser phone: registers over Postern's wss listener and makes and takes one call at a time. What the page shows is what JsSIP reports.

const at = (id) => document.getElementById(id);
let phone = null;
let call = null;
let everConnected = false;

function show(id, text, kind = '') {
  at(id).textContent = text;
  at(id).className = kind;
}

function showButtons() {
  const registered = phone !== null && phone.isRegistered();
  const incoming = call !== null && call.direction === 'incoming' && !call.isEstablished();
  at('register').hidden = phone !== null;
  at('unregister').hidden = phone === null;
  at('unregister').textContent = registered ? 'Unregister' : 'Stop trying';
  at('call').hidden = call !== null;
  at('call').disabled = !registered;
  at('answer').hidden = !incoming;
  at('hangup').hidden = call === null;
  at('hangup').textContent = incoming ? 'Decline' : 'Hang up';
}

// A browser does not tell a page why a WebSocket failed. Whether https to the same port gets any answer says whether it is the certificate
// (or nobody is there), or the listener that refused.
async function explainNoConnection(server) {
  const https = server.replace(/^wss/, 'https');
  try {
    await fetch(https, { mode: 'no-cors', cache: 'no-store' });
    show('registration', `Not registered: ${server} is there and trusted, and refuses the connection. Do its "origins" name ${location.origin}?`, 'bad');
  } catch {
    show('registration', `Not registered: no connection to ${server}.`, 'bad');
    at('listener').href = at('listener').textContent = https;
    at('no-connection').hidden = false;
  }
}

function onDisconnected(server) {
  if (phone === null) return;
  if (everConnected) show('registration', `Not registered: the connection to ${server} was lost; trying again.`, 'bad');
  else explainNoConnection(server);
  showButtons();
}

function onRegistrationFailed({ response, cause }) {
  const answer = response ? `${response.status_code} ${response.reason_phrase}` : cause;
  show('registration', `Not registered: ${answer}.`, 'bad');
  showButtons();
}

async function register(event) {
  event.preventDefault();
  const { wss_port: port } = await (await fetch('settings.json')).json();
  const server = `wss://${location.hostname}:${port}/`;
  const user = at('user').value;
  everConnected = false;
  phone = new JsSIP.UA({
    sockets: [new JsSIP.WebSocketInterface(server)],
    uri: `sip:${user}@${location.hostname}`,
    password: at('password').value,
    register_expires: 300,
    user_agent: `Postern browser phone (JsSIP ${JsSIP.version})`,
  });
  phone.on('connecting', () => show('registration', `Connecting to ${server}`));
  phone.on('connected', () => { everConnected = true; at('no-connection').hidden = true; show('registration', 'Connected; registering.'); });
  phone.on('disconnected', () => onDisconnected(server));
  phone.on('registered', () => { show('registration', `Registered as ${user} over ${server}`, 'good'); showButtons(); });
  phone.on('unregistered', () => { show('registration', 'Not registered.'); showButtons(); });
  phone.on('registrationFailed', onRegistrationFailed);
  phone.on('newRTCSession', ({ session }) => onCall(session));
  phone.start();
  showButtons();
}

function unregister() {
  const old = phone;
  phone = null;
  old.stop(); // which ends the call and the registration before it closes the connection
  at('no-connection').hidden = true;
  show('registration', 'Not registered.');
  showButtons();
}

function onCall(session) {
  if (call !== null) {
    session.terminate({ status_code: 486 });
    return;
  }
  call = session;
  const other = session.remote_identity.uri.user;
  show('state', session.direction === 'incoming' ? `${other} calls.` : `Calling ${other}.`);
  session.on('progress', ({ originator, response }) => {
    if (originator === 'remote') show('state', `${other}: ${response.status_code} ${response.reason_phrase}`);
  });
  session.on('confirmed', () => { show('state', `In a call with ${other}.`, 'good'); showButtons(); });
  session.on('getusermediafailed', (error) => show('state', `No microphone: ${error.name}`, 'bad'));
  session.on('failed', (data) => endOfCall(`The call with ${other} failed: ${reason(data)}.`, 'bad'));
  session.on('ended', ({ originator }) => endOfCall(`The call with ${other} ended, by ${originator === 'local' ? 'you' : other}.`));
  if (session.connection) onConnection(session.connection);
  else session.on('peerconnection', ({ peerconnection }) => onConnection(peerconnection));
  showButtons();
}

function reason({ cause, message }) {
  if (cause === JsSIP.C.causes.USER_DENIED_MEDIA_ACCESS) return 'this browser has no microphone for it, or may not use it';
  return message && message.status_code ? `${message.status_code} ${message.reason_phrase}` : cause;
}

function onConnection(connection) {
  connection.addEventListener('track', ({ streams, track }) => { at('remote').srcObject = streams[0] || new MediaStream([track]); });
}

function endOfCall(text, kind) {
  call = null;
  at('remote').srcObject = null;
  show('state', text, kind);
  showButtons();
}

const media = { mediaConstraints: { audio: true, video: false }, pcConfig: { iceServers: [] } };

at('account').addEventListener('submit', register);
at('unregister').addEventListener('click', unregister);
at('dial').addEventListener('submit', (event) => { event.preventDefault(); phone.call(at('number').value, media); });
at('answer').addEventListener('click', () => call.answer(media));
at('hangup').addEventListener('click', () => call.terminate());
at('user').addEventListener('change', () => { at('password').value = `secret${at('user').value}`; });
showButtons();
