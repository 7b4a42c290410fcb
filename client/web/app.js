// Shows that the server can be talked to from here.
const state = document.getElementById("state");
const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
socket.onopen = () => socket.send(JSON.stringify({ type: "ping", payload: {} }));
socket.onmessage = ({ data }) => { state.textContent = JSON.parse(data).payload.message; };
socket.onclose = ({ code }) => { state.textContent = `closed (${code})`; };
