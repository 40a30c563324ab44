"""A client for "rightful serve". Python's standard library is all it needs: copy it.

    rightful = Rightful("http://127.0.0.1:8787", token)
    session = rightful.checkout(user_id=7, mode="subscription", price="price_team", success_url="https://...")
    payment = rightful.validate(session_id, user_id=7)

Every call may be sent again: the server makes one customer and one open session, however
often it is asked. So whatever may pass is tried again here, as long as Retry-After says.
"""

import base64
import binascii
import hashlib
import hmac
import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, fields
from typing import Any, Optional


class Refused(Exception):
    """rightful says no, and asking again would not help. buyer_message may be shown to
    anybody; it is empty where the request itself was wrong."""

    def __init__(self, status: int, problem: dict):
        self.status = status  # of HTTP: 400 401 403 404 409 413 422
        self.code = problem.get("code", "")  # no_company, company_gone, other_company, customer_refused, no_customer, already_subscribed, invalid, ...
        self.field = problem.get("field", "")  # of the request, where one is wrong
        self.buyer_message = problem.get("buyer_message", "")
        self.request_id = problem.get("instance", "")  # look for it in the server's log
        super().__init__(f"{status} {self.code}: {problem.get('detail', '')} {problem.get('hint', '')}".strip())


class Unavailable(Exception):
    """No answer, or none yet: rightful, the database or Stripe cannot be asked now."""


@dataclass(frozen=True)
class Customer:
    stripe_customer_id: str
    created: bool


@dataclass(frozen=True)
class Session:
    id: str
    url: str  # where the buyer pays; empty for an embedded session
    company_id: str
    stripe_customer_id: str
    reused: bool  # an open session of the very same wish
    # Ids of live subscriptions of the company with the same price: most often the buyer is
    # about to pay twice, so ask first. Empty: there is none; None: it is not known.
    already_subscribed: Optional[list] = None
    client_secret: str = ""  # instead of url, for an embedded session


@dataclass(frozen=True)
class Portal:
    id: str
    url: str  # for who is signed in alone: who has it sees how the company is billed
    company_id: str
    stripe_customer_id: str


@dataclass(frozen=True)
class Payment:
    status: str  # valid processing not_paid expired other_company company_gone no_company unknown_session wrong_mode needs_sign_in
    decision: str  # allow or refuse, as the server's mode has it
    enforced: str  # what it would be in mode enforce
    company_id: Optional[str]
    buyer_message: str  # may be shown to anybody
    operator_message: str  # for the log
    findings: list

    @property
    def valid(self) -> bool:
        return self.status == "valid"


@dataclass(frozen=True)
class Guarded:
    status: str
    decision: str
    enforced: str

    @property
    def allowed(self) -> bool:
        return self.decision == "allow"


class Rightful:
    """rightful serve at url. Safe for use by several threads. One request may take timeout
    seconds; it is sent again, attempts times in all, while patience seconds are not over:
    somebody waits for the page."""

    def __init__(self, url: str, token: str, timeout: float = 20, attempts: int = 4, patience: float = 5,
                 sleep=time.sleep, clock=time.monotonic):
        self._url, self._token = url.rstrip("/"), token
        self._timeout, self._attempts, self._patience = timeout, attempts, patience
        self._sleep, self._clock = sleep, clock

    def company(self, user_id) -> str:
        """The company of a user, as the one resolver names it."""
        return self._call("GET", f"/v1/users/{urllib.parse.quote(str(user_id), safe='')}/company")["company_id"]

    def customer(self, company_id, name: str = "", email: str = "") -> Customer:
        """The one live Stripe customer of a company."""
        body = {k: v for k, v in (("name", name), ("email", email)) if v}
        return _typed(Customer, self._call("POST", f"/v1/companies/{urllib.parse.quote(str(company_id), safe='')}/customer", body))

    def checkout(self, *, user_id, mode: str, price: str, success_url: str, cancel_url: str = "", quantity: int = 1,
                 company_id=None, metadata: Optional[dict] = None, stripe_params: Optional[dict] = None) -> Session:
        """A page to pay at, for the company of who is signed in. company_id is the one
        that the buyer saw: another one is Refused (other_company). What it has already is
        told (already_subscribed), and Refused only where the server's rule says so."""
        body = {"user_id": str(user_id), "mode": mode, "price": price, "quantity": quantity, "success_url": success_url}
        for name, value in (("company_id", company_id and str(company_id)), ("cancel_url", cancel_url),
                            ("metadata", metadata), ("stripe_params", stripe_params)):
            if value:
                body[name] = value
        return _typed(Session, self._call("POST", "/v1/checkout/sessions", body))

    def portal(self, *, user_id, return_url: str, company_id=None, configuration: str = "") -> Portal:
        """A page of Stripe's portal, for the company of who is signed in. A company that has
        bought nothing is Refused (no_customer). Each call makes another page; one that
        nobody opens expires."""
        body = {"user_id": str(user_id), "return_url": return_url}
        for name, value in (("company_id", company_id and str(company_id)), ("configuration", configuration)):
            if value:
                body[name] = value
        return _typed(Portal, self._call("POST", "/v1/portal/sessions", body))

    def validate(self, session_id: str, user_id=None) -> Payment:
        """Whether a payment is in order, for who is signed in (None: nobody)."""
        user = None if user_id is None else str(user_id)
        return _typed(Payment, self._call("POST", "/v1/payments/validate", {"session_id": session_id, "user_id": user}))

    def guard_session(self, user_id, session_id: str) -> Guarded:
        return self._guard("sessions", user_id, session_id)

    def guard_customer(self, user_id, customer_id: str) -> Guarded:
        return self._guard("customers", user_id, customer_id)

    def guard_portal(self, user_id, customer_id: str) -> Guarded:
        """Whether a user may be sent to the portal of a customer that their browser named."""
        return self._guard("portal", user_id, customer_id)

    def _guard(self, what: str, user_id, id: str) -> Guarded:
        return _typed(Guarded, self._call("POST", f"/v1/guard/{what}", {"user_id": str(user_id), "id": id}))

    def _call(self, method: str, path: str, body: Any = None) -> dict:
        data = None if body is None else json.dumps(body).encode()
        last: Exception = Unavailable("not asked")
        end = self._clock() + self._patience
        for attempt in range(self._attempts):
            request = urllib.request.Request(self._url + path, data=data, method=method, headers={
                "Authorization": "Bearer " + self._token, "Content-Type": "application/json", "Accept": "application/json"})
            wait = 0.25 * 2 ** attempt
            try:
                with urllib.request.urlopen(request, timeout=self._timeout) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as e:
                with e:
                    problem = _problem(e)
                if e.code not in (429, 503):
                    if e.code >= 500:
                        raise Unavailable(f"rightful answers {e.code} to {path}") from e
                    raise Refused(e.code, problem) from None
                wait = _seconds(e.headers.get("Retry-After"), wait)
                last = Unavailable(f"rightful answers {e.code} to {path}: {problem.get('detail', '')}")
            except (OSError, http.client.HTTPException, ValueError) as e:  # no connection, half an answer
                last = Unavailable(f"rightful does not answer {path}: {e}")
            if attempt + 1 == self._attempts or self._clock() + wait > end:
                break
            self._sleep(wait)
        raise last


def verify_notice(secret: str, headers, body: bytes, now: Optional[float] = None) -> dict:
    """The notice in a request to webhooks.notify.url, if rightful has signed it
    (standardwebhooks.com), else ValueError. headers is a mapping with lower-case names.
    The same notice may come twice: its id says so."""
    id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not id or not (stamp.isascii() and stamp.isdigit()) or len(stamp) > 12:
        raise ValueError("this is no signed notice")
    if abs((time.time() if now is None else now) - int(stamp)) > 300:
        raise ValueError("the signature is of another time")
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise ValueError("the secret is not whsec_ and base64") from None
    mac = hmac.new(key, f"{id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    want = "v1," + base64.b64encode(mac).decode()
    if not any(hmac.compare_digest(want.encode(), sent.encode()) for sent in headers.get("webhook-signature", "").split()):
        raise ValueError("the signature is not good")
    return json.loads(body)


def _typed(of, answer: dict):
    """An answer as one of the classes above. Fields that later servers add are left out."""
    return of(**{f.name: answer[f.name] for f in fields(of) if f.name in answer})


def _problem(e: urllib.error.HTTPError) -> dict:
    try:
        problem = json.loads(e.read(1 << 16))
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    return problem if isinstance(problem, dict) else {}


def _seconds(retry_after: Optional[str], otherwise: float) -> float:
    """Retry-After in seconds, at most a minute."""
    if retry_after and retry_after.isascii() and retry_after.isdigit():
        return min(float(retry_after), 60.0)
    return otherwise
