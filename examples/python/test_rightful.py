"""Tests of the client: python3 -m unittest"""

import base64
import hashlib
import hmac
import json
import threading
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer

from rightful import Refused, Rightful, Unavailable, verify_notice

SECRET = "whsec_" + base64.b64encode(b"x" * 32).decode()
SESSION = {"id": "cs_1", "url": "https://pay.example.com", "company_id": "11", "stripe_customer_id": "cus_1", "reused": False, "already_subscribed": [], "later": 1}


class Answers(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        status, headers, body = self.server.answers.pop(0)
        if status == 0:  # hang up
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        pass


class ClientTest(unittest.TestCase):
    def setUp(self):
        self.server = HTTPServer(("127.0.0.1", 0), Answers)
        self.server.asked, self.server.answers, self.waits, self.now = [], [], [], 0.0
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.client = Rightful(f"http://127.0.0.1:{self.server.server_port}", "token", sleep=self.sleep, clock=lambda: self.now)

    def sleep(self, seconds):
        self.waits.append(seconds)
        self.now += seconds

    def buy(self, *answers):
        self.server.answers = list(answers)
        return self.client.checkout(user_id=7, mode="subscription", price="price_1", success_url="https://app.example.com")

    def test_asks_again_as_it_is_told(self):
        session = self.buy((503, {"Retry-After": "2"}, {}), (429, {"Retry-After": "1"}, {}), (0, {}, {}), (200, {}, SESSION))
        self.assertEqual(session.id, "cs_1")
        self.assertEqual(self.waits, [2.0, 1.0, 1.0])
        self.assertEqual(len(self.server.asked), 4)
        self.assertEqual(self.server.asked[0]["user_id"], "7")
        self.assertEqual(self.server.asked[0], self.server.asked[3])

    def test_tells_what_the_company_has_already(self):
        for has in ([], ["sub_1"], None):
            session = self.buy((200, {}, {**SESSION, "already_subscribed": has}))
            self.assertEqual((session.already_subscribed, session.client_secret), (has, ""))
        embedded = self.buy((200, {}, {**SESSION, "url": "", "client_secret": "cs_1_secret"}))
        self.assertEqual(embedded.client_secret, "cs_1_secret")
        with self.assertRaises(Refused) as no:
            self.buy((409, {}, {"code": "already_subscribed", "buyer_message": "Your company has this already."}))
        self.assertEqual((no.exception.code, no.exception.buyer_message), ("already_subscribed", "Your company has this already."))

    def test_opens_the_portal(self):
        self.server.answers = [(200, {}, {"id": "bps_1", "url": "https://portal.example.com", "company_id": "11", "stripe_customer_id": "cus_1", "later": 1})]
        self.assertEqual(self.client.portal(user_id=7, return_url="https://app.example.com").url, "https://portal.example.com")
        self.assertEqual(self.server.asked, [{"user_id": "7", "return_url": "https://app.example.com"}])
        self.server.answers = [(409, {}, {"code": "no_customer", "buyer_message": "Nothing yet."})]
        with self.assertRaises(Refused) as no:
            self.client.portal(user_id=7, return_url="https://app.example.com", company_id=11, configuration="bpc_1")
        self.assertEqual((no.exception.code, no.exception.buyer_message), ("no_customer", "Nothing yet."))
        self.assertEqual(self.server.asked[1]["configuration"], "bpc_1")

    def test_gives_up(self):
        with self.assertRaises(Unavailable):
            self.buy(*[(503, {}, {"detail": "the database"})] * 4)
        self.assertEqual(self.waits, [0.25, 0.5, 1.0])

    def test_lets_nobody_wait_for_long(self):
        with self.assertRaises(Unavailable):
            self.buy((503, {"Retry-After": "3600"}, {}))
        self.assertEqual(self.waits, [])

    def test_does_not_repeat_a_refusal(self):
        with self.assertRaises(Refused) as no:
            self.buy((409, {}, {"code": "company_gone", "buyer_message": "Please contact support.", "instance": "req-1"}))
        self.assertEqual((no.exception.code, no.exception.buyer_message, no.exception.request_id), ("company_gone", "Please contact support.", "req-1"))
        self.assertEqual(len(self.server.asked), 1)

    def test_a_broken_server_is_unavailable(self):
        with self.assertRaises(Unavailable):
            self.buy((500, {}, {}))
        self.assertEqual(len(self.server.asked), 1)


class NoticeTest(unittest.TestCase):
    body = b'{"id": "evt_1"}'

    def headers(self, at="1000", body=body):
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        mac = base64.b64encode(hmac.new(key, b"evt_1." + at.encode() + b"." + body, hashlib.sha256).digest()).decode()
        return {"webhook-id": "evt_1", "webhook-timestamp": at, "webhook-signature": "v1,AAAA v1," + mac}

    def test_signed(self):
        self.assertEqual(verify_notice(SECRET, self.headers(), self.body, now=1200), {"id": "evt_1"})

    def test_forged(self):
        for headers, body in ((self.headers(body=b"{}"), self.body), (self.headers(at="600"), self.body), (self.headers(at="1900"), self.body),
                              ({}, self.body), (self.headers(at="x"), self.body), ({**self.headers(), "webhook-id": "evt_2"}, self.body),
                              ({**self.headers(), "webhook-signature": "v1,\u00e4"}, self.body)):
            with self.assertRaises(ValueError):
                verify_notice(SECRET, headers, body, now=1200)


if __name__ == "__main__":
    unittest.main()
