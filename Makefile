# `make run` starts everything and `make test` tests it; both install what they need into .venv first.

PYTHON := .venv/bin/python

.PHONY: run test test-dates test-api lint types check messages

run: ## the whole stack; HOST, PORT and the variables in .env.example change it
	@./setup.sh && exec $(PYTHON) -m healthcheck.launcher

test: ## on SQLite and on MariaDB; ARGS="-k smoke" goes to pytest
	@./setup.sh tests && exec $(PYTHON) -m healthcheck.tests.run $(ARGS)

test-dates: ## the tests on SQLite as on other dates: the end of a year, a leap day, a change of the clock, ...
	@./setup.sh tests && TEST_DATE=all exec $(PYTHON) -m healthcheck.tests.run $(ARGS)

test-api: ## asks the API some 20,000 times whether its OpenAPI document is true; a quarter of an hour
	@./setup.sh tests && API_EXAMPLES=280 exec $(PYTHON) -m healthcheck.tests.run healthcheck/tests/test_openapi.py -s $(ARGS)

lint: ## style
	@./setup.sh tests && $(PYTHON) -m ruff check . && $(PYTHON) -m ruff format --check .

types:
	@./setup.sh tests && $(PYTHON) -m mypy .

check: ## everything that is checked before a change lands
	@bash .ci/run

messages: ## collects the texts to translate and compiles the translations; needs Debian's gettext
	@$(PYTHON) manage.py makemessages --locale ko --no-location --no-obsolete --ignore .venv --ignore var
	@$(PYTHON) manage.py compilemessages --locale ko --ignore .venv
