// Put before the page's own code, which was built to live at `/` and to ask `/api/v1`: it lives at `/board` and asks
// `/board/api/v1`. What it reads of an address is without `/board`; what it makes one of gets it.
const board = '/board';
const inside = (path) => path === board ? '/' : path.startsWith(board + '/') ? path.slice(board.length) : path;
// Its list of queues shows the first one alone, whatever there is: the overview has all of them.
const shown = (path) => path === '/queues' ? '/' : path;
const outside = (url) => url.startsWith('/') && url[1] !== '/' ? board + shown(url) : url;
const outsideIfLink = (name, value) => name === 'href' ? outside(value) : value;
const outsideLinks = (html) => html.replaceAll(' href="/', ' href="' + board + '/');
