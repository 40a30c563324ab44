# Everything a contributor does, in one place. "make" lists it.

.DEFAULT_GOAL := help
STATICCHECK := go tool -modfile=tools/go.mod staticcheck

TRUTH := go test ./internal/judge ./test -run 'TestHealthyIsSilent|TestDamageIsFound|TestNoRepairIsWrong|TestOneLieCarriesNothing|TestTruthStillToldIsHeard|TestOrderIsNothing|TestRepairRemovesItsFinding|TestGrownWorldsAgree'

RACES := 'TestStripeFails|TestForged|TestPlansThat|TestContinuing|TestCutShort|TestSomebody|TestTheApp|TestTheCache|TestTheJournal|TestTheState|TestTheDatabase|TestTheDisk|TestUndo|TestTwo|TestRacing|TestFoundingIncident$$'

.PHONY: help test race truth races kills nodes bench vet lint openapi demo build

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: ## run all tests beside a real PostgreSQL, MariaDB and Redis
	go run ./test/withservers -- go test -vet=off -p 3 -parallel 6 ./...

race: ## the same under the race detector
	go run ./test/withservers -- go test -race ./...

truth: ## hold the judge against 10,000 random worlds of which the truth is known
	$(TRUTH) -rapid.checks=10000

races: ## try to break repair: every stamp, every record, many random worlds
	go run ./test/withservers -- go test ./test -timeout 30m -run $(RACES) -rapid.checks=2000

kills: ## kill the real program at every moment of a repair and of an undo, and go on each time
	go run ./test/withservers -- go -C test test -run 'TestKilled|WhileDead$$|TestReleaseHasNoMoments' -kills.all -parallel 8 -timeout 60m

nodes: ## kill and cut off nodes that share accounts, again and again
	go run ./test/withservers -- go test ./test -run TestNodes -v -timeout 30m -nodes.accounts=4 -nodes.rounds=4

bench: ## measure everything beside its floor; about two minutes (docs/scale.md)
	go run ./bench

vet: ## what the compiler does not see
	go vet ./...

lint: ## staticcheck, and gofmt
	$(STATICCHECK) ./...
	@unformatted="$$(gofmt -l .)"; test -z "$$unformatted" || { echo "not formatted: $$unformatted"; exit 1; }

openapi: ## hold the simulator's answers against Stripe's OpenAPI document
	cd stripesim/openapitest && go test ./...

demo: ## see rightful find an incident, without any server
	go run ./cmd/rightful demo

build: ## one static binary in dist/
	CGO_ENABLED=0 go build -trimpath -o dist/rightful ./cmd/rightful
