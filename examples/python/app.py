"""A small shop over "rightful serve": the same as ../shop, without Go. In Django or Flask
each page below is a view; what it does with rightful stays as it is.

The pages that touch rightful and Stripe are buy, come_back, portal and take_notice.
"""

import hashlib
import hmac
import html
import logging
import os
import secrets
import socketserver
import sqlite3
import time
import urllib.parse
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from rightful import Rightful, Refused, Unavailable, verify_notice

log = logging.getLogger("shop")
HERE = Path(__file__).parent


class No(Exception):
    """What the shop does not do, in words for whoever asked."""

    def __init__(self, text, status="409 Conflict"):
        super().__init__(text)
        self.status = status


class Shop:
    def __init__(self, env):
        self.url, self.price, self.database = env["SHOP_URL"], env["SHOP_PRICE"], env["SHOP_DATABASE"]
        self.key, self.notices_secret = env["SHOP_SECRET"].encode(), env["NOTICES_SECRET"]
        self.rightful = Rightful(env["RIGHTFUL_URL"], env["RIGHTFUL_TOKEN"])
        with self.db() as db:
            db.executescript("PRAGMA journal_mode = WAL;" + (HERE / "schema.sql").read_text())

    def db(self):
        """A connection that commits when its block ends well, and closes."""
        return Database(self.database)

    # What touches rightful and Stripe.

    def buy(self, request, user):
        """Sends the buyer to Stripe's page. Whose the purchase will be is resolved from who
        is signed in; the company that the page showed goes along, so that nobody buys for one
        after switching to another in a second tab."""
        try:
            session = self.rightful.checkout(
                user_id=user["id"], company_id=request.form("company_id"), mode="subscription", price=self.price,
                success_url=self.url + "/return?session_id={CHECKOUT_SESSION_ID}", cancel_url=self.url + "/")
        except Refused as no:
            log.warning("checkout refused: %s", no)
            raise No(no.buyer_message or "You cannot buy right now.") from None
        if session.already_subscribed and not request.form("again"):
            # Most often a colleague has bought it. Nothing is lost by asking: the session waits.
            return page("<p>Your company has this plan already. Do you want to pay for a second one?</p>"
                        + button("/buy", "Buy another one", id="again", company_id=request.form("company_id"), again="yes"))
        return see_other(session.url)

    def come_back(self, request, user):
        """The page that Stripe sends the buyer to. It gives nothing: access comes with the
        subscription's row, which a notice writes."""
        payment = self.rightful.validate(request.query("session_id"), user and user["id"])
        if not payment.valid:
            log.warning("payment not in order: %s, %s", payment.status, payment.operator_message)
        return page(f'<h1>Your purchase</h1><p id="message" data-status="{payment.status}">{escape(payment.buyer_message)}</p>')

    def portal(self, request, user):
        """Sends a member to Stripe's portal, for the company that they work in. Whose customer
        that is, is rightful's to say: no form names one."""
        try:
            session = self.rightful.portal(user_id=user["id"], return_url=self.url + "/")
        except Refused as no:
            log.warning("portal refused: %s", no)
            raise No(no.buyer_message or "There is nothing to show right now.") from None
        return see_other(session.url)

    def take_notice(self, request):
        """Writes what the shop knows of a subscription. rightful has judged whose it is, and
        tells at least once and in order: the same notice again changes nothing."""
        try:
            notice = verify_notice(self.notices_secret, request.headers(), request.body())
        except ValueError as e:
            return "400 Bad Request", [], str(e)
        about = notice["object"]
        if about["type"] == "subscription" and not notice["superseded"]:
            with self.db() as db:
                db.execute(
                    "INSERT INTO subscriptions (stripe_subscription_id, stripe_customer_id, company_id, status) VALUES (?, ?, ?, ?)"
                    " ON CONFLICT (stripe_subscription_id) DO UPDATE SET stripe_customer_id = excluded.stripe_customer_id,"
                    " company_id = excluded.company_id, status = excluded.status",
                    (about["id"], about["stripe_customer_id"], int(notice["company_id"]), about["status"]))
        return "204 No Content", [], ""

    # The rest of the shop.

    def home(self, request, user):
        if user is None:
            return page(SIGNED_OUT)
        with self.db() as db:
            company = db.execute("SELECT * FROM companies WHERE id = ?", (user["company_id"],)).fetchone()
            plan = db.execute("SELECT status FROM subscriptions WHERE company_id = ? ORDER BY status = 'active' DESC LIMIT 1",
                              (user["company_id"],)).fetchone()
            others = db.execute("SELECT c.id, c.name FROM memberships m JOIN companies c ON c.id = m.company_id WHERE m.user_id = ?"
                                " AND m.left_at IS NULL AND c.id IS NOT ? ORDER BY c.id", (user["id"], user["company_id"])).fetchall()
        text = "<p>You have no company.</p>"
        if company:
            text = f'<h2 id="company">{escape(company["name"])}</h2><p>Plan: <span id="plan">{escape(plan["status"] if plan else "none")}</span></p>'
            text += button("/buy", "Buy the team plan", id="buy", company_id=company["id"])
            if company["stripe_customer_id"]:
                text += button("/portal", "Invoices and payment", id="portal")
            text += button("/invite", "Invite a colleague", id="invite")
            if company["owner_id"] == user["id"]:
                text += button("/close", "Close this company", id="close")
        for other in others:
            text += button("/switch", "Switch to " + other["name"], company_id=other["id"])
        text += '<form method="post" action="/companies"><input name="company" required><button>Add a company</button></form>'
        return page(f'<p>{escape(user["email"])}</p>' + text + button("/sign-out", "Sign out"))

    def sign_up(self, request, user):
        email, password, name = request.form("email"), request.form("password"), request.form("company")
        if "@" not in email or len(password) < 8 or not name:
            raise No("Please give an email, a password of at least 8 characters, and the name of your company.", "400 Bad Request")
        kept = hashed(password, secrets.token_urlsafe(16))
        with self.db() as db:
            try:
                id = db.execute("INSERT INTO users (email, password) VALUES (?, ?)", (email, kept)).lastrowid
            except sqlite3.IntegrityError:
                raise No("There is an account with this email. Please sign in.") from None
            self.found(db, id, name)
        return self.signed_in(id)

    def sign_in(self, request, user):
        with self.db() as db:
            row = db.execute("SELECT id, password FROM users WHERE email = ?", (request.form("email"),)).fetchone()
        kept = row["password"] if row else "nobody$"
        if not hmac.compare_digest(hashed(request.form("password"), kept.split("$")[0]), kept):
            raise No("Email and password do not belong together.")
        return self.signed_in(row["id"])

    def signed_in(self, id):
        said = f"{id}.{int(time.time()) + 30 * 86400}"
        return see_other("/", [("Set-Cookie", self.cookie(f"{said}.{self.mac(said)}"))])

    def sign_out(self, request, user):
        return see_other("/", [("Set-Cookie", self.cookie("") + "; Max-Age=0")])

    def cookie(self, value):
        return f"shop={value}; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if self.url.startswith("https:") else "")

    def mac(self, text):
        return hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()

    def user(self, request):
        """Who is signed in, by a cookie that nobody else can write; None for nobody."""
        said, _, mac = request.cookie("shop").rpartition(".")
        if not said or not hmac.compare_digest(self.mac(said).encode(), mac.encode()):
            return None
        id, _, until = said.partition(".")
        if time.time() > int(until):
            return None
        with self.db() as db:
            return db.execute("SELECT * FROM users WHERE id = ?", (int(id),)).fetchone()

    def found(self, db, owner, name):
        id = db.execute("INSERT INTO companies (name, owner_id) VALUES (?, ?)", (name, owner)).lastrowid
        self.let_in(db, owner, id)

    def let_in(self, db, user, company):
        db.execute("INSERT INTO memberships (user_id, company_id, joined_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (user, company, int(time.time())))
        db.execute("UPDATE users SET company_id = ? WHERE id = ?", (company, user))

    def new_company(self, request, user):
        if not request.form("company"):
            raise No("Please give the name of the company.")
        with self.db() as db:
            self.found(db, user["id"], request.form("company"))
        return see_other("/")

    def switch(self, request, user):
        with self.db() as db:
            done = db.execute("UPDATE users SET company_id = (SELECT id FROM companies WHERE id = ?1 AND closed_at IS NULL) WHERE id = ?2 AND EXISTS ("
                              "SELECT 1 FROM memberships m JOIN companies c ON c.id = m.company_id WHERE m.user_id = ?2 AND c.id = ?1"
                              " AND m.left_at IS NULL AND c.closed_at IS NULL)", (request.form("company_id"), user["id"]))
            if done.rowcount == 0:
                raise No("There is no such company.")
        return see_other("/")

    def invite(self, request, user):
        if user["company_id"] is None:
            raise No("You have no company to invite anybody to.")
        token = secrets.token_urlsafe(20)
        with self.db() as db:
            db.execute("INSERT INTO invitations (token, company_id) VALUES (?, ?)", (token, user["company_id"]))
        link = f"{self.url}/join/{token}"
        return page(f'<p>Send this link to your colleague: <a id="invitation" href="{link}">{link}</a></p>')

    def join_page(self, request, user):
        return page("<p>You are invited. Sign in or sign up first.</p>" + button(request.path, "Join", id="join"))

    def join(self, request, user):
        token = request.path.removeprefix("/join/")
        with self.db() as db:
            done = db.execute("UPDATE invitations SET used_at = ? WHERE token = ? AND used_at IS NULL AND company_id IN"
                              " (SELECT id FROM companies WHERE closed_at IS NULL)", (int(time.time()), token))
            if done.rowcount == 0:
                raise No("This invitation is not good any more.")
            row = db.execute("SELECT company_id FROM invitations WHERE token = ?", (token,)).fetchone()
            self.let_in(db, user["id"], row["company_id"])
        return see_other("/")

    def close(self, request, user):
        now = int(time.time())
        with self.db() as db:
            done = db.execute("UPDATE companies SET closed_at = ? WHERE id = ? AND owner_id = ? AND closed_at IS NULL", (now, user["company_id"], user["id"]))
            if done.rowcount == 0:
                raise No("Only its owner can close a company.")
            db.execute("UPDATE memberships SET left_at = ? WHERE company_id = ? AND left_at IS NULL", (now, user["company_id"]))
            db.execute("UPDATE users SET company_id = (SELECT m.company_id FROM memberships m WHERE m.user_id = users.id AND m.left_at IS NULL"
                       " ORDER BY m.id LIMIT 1) WHERE company_id = ?", (user["company_id"],))
        return see_other("/")

    def __call__(self, environ, start_response):
        request = Request(environ)
        try:
            status, headers, text = self.answer(request)
        except No as no:
            status, headers, text = page(f'<p id="message">{escape(str(no))}</p>', no.status)
        except (Unavailable, OSError, sqlite3.OperationalError) as e:
            log.error("%s not answered: %s", request.path, e)
            status, headers, text = page("<p id='message'>This does not work right now, and nothing is lost. Please try again in a moment.</p>",
                                         "503 Service Unavailable", [("Retry-After", "5")])
        start_response(status, headers)
        return [text.encode()]

    def answer(self, request):
        if (request.method, request.path) == ("POST", "/internal/notices"):
            return self.take_notice(request)
        # Forms of other sites are refused; notices are no forms, they are signed.
        if request.method == "POST" and request.origin() not in ("", self.url):
            raise No("This form is of another site.", "403 Forbidden")
        where = "/join/" if request.path.startswith("/join/") else request.path
        anybody = {("GET", "/"): self.home, ("GET", "/return"): self.come_back, ("GET", "/join/"): self.join_page,
                   ("POST", "/sign-up"): self.sign_up, ("POST", "/sign-in"): self.sign_in, ("POST", "/sign-out"): self.sign_out}
        members = {("POST", "/companies"): self.new_company, ("POST", "/switch"): self.switch, ("POST", "/invite"): self.invite,
                   ("POST", "/join/"): self.join, ("POST", "/close"): self.close, ("POST", "/buy"): self.buy, ("POST", "/portal"): self.portal}
        user = self.user(request)
        view = anybody.get((request.method, where)) or members.get((request.method, where))
        if view is None:
            raise No("There is no such page.", "404 Not Found")
        if user is None and (request.method, where) in members:
            raise No("Please sign in.", "401 Unauthorized")
        return view(request, user)


class Database:
    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.of = sqlite3.connect(self.path, timeout=10)
        self.of.row_factory = sqlite3.Row
        self.of.execute("PRAGMA foreign_keys = 1")
        return self.of

    def __exit__(self, kind, value, trace):
        try:
            self.of.commit() if kind is None else self.of.rollback()
        finally:
            self.of.close()


class Request:
    """What a framework would bring along."""

    def __init__(self, environ):
        self.environ, self.method, self.path = environ, environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/")
        self._form = None

    def query(self, name):
        return urllib.parse.parse_qs(self.environ.get("QUERY_STRING", "")).get(name, [""])[0]

    def form(self, name):
        if self._form is None:
            self._form = urllib.parse.parse_qs(self.body().decode(errors="replace"))
        return self._form.get(name, [""])[0].strip()

    def body(self):
        try:
            length = int(self.environ.get("CONTENT_LENGTH") or 0)
        except ValueError:
            length = 0
        if length < 0 or length > 1 << 20:
            raise No("That is too much.", "413 Content Too Large")
        return self.environ["wsgi.input"].read(length)

    def headers(self):
        return {k[5:].replace("_", "-").lower(): v for k, v in self.environ.items() if k.startswith("HTTP_")}

    def origin(self):
        return self.environ.get("HTTP_ORIGIN", "")

    def cookie(self, name):
        try:
            got = SimpleCookie(self.environ.get("HTTP_COOKIE", "")).get(name)
        except CookieError:
            return ""
        return got.value if got else ""


def escape(text):
    return html.escape(str(text))


def button(action, text, id="", **hidden):
    inputs = "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in hidden.items())
    return f'<form method="post" action="{escape(action)}">{inputs}<button id="{id}">{escape(text)}</button></form>'


SIGNED_OUT = """<form method="post" action="/sign-up"><h2>Sign up</h2><input name="email" type="email" required>
<input name="password" type="password" minlength="8" required><input name="company" required><button id="sign-up">Sign up</button></form>
<form method="post" action="/sign-in"><h2>Sign in</h2><input name="email" type="email" required>
<input name="password" type="password" required><button id="sign-in">Sign in</button></form>"""


def page(text, status="200 OK", headers=()):
    text = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Shop</title>{text}<p><a href="/">Continue</a></p></html>'
    return status, [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store"), *headers], text


def see_other(url, headers=()):
    return "303 See Other", [("Location", url), *headers], ""


def hashed(password, salt):
    return salt + "$" + hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), 600_000).hex()


class Server(socketserver.ThreadingMixIn, WSGIServer):
    """One thread a request. A real app stands behind gunicorn or the like."""
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def main():
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO)
    host, _, port = os.environ["SHOP_LISTEN"].rpartition(":")
    with make_server(host, int(port), Shop(os.environ), server_class=Server, handler_class=Quiet) as server:
        print("the shop is open at", os.environ["SHOP_URL"], flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
