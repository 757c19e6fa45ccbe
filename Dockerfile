# One image for every stage: `docker run alur run intake`.
FROM python:3.11-slim AS build
WORKDIR /source
RUN python -m venv /opt/alur
# the dependencies first: their layer lasts until they change
COPY requirements.lock pyproject.toml ./
RUN python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
    print(*p['dependencies'], *(each for extra in ('mirror', 'otel') for each in p['optional-dependencies'][extra]), sep='\n')" \
    > needed.txt && /opt/alur/bin/pip install --no-cache-dir --constraint requirements.lock --requirement needed.txt
COPY . .
RUN /opt/alur/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11-slim
# a numeric user, so that Kubernetes can verify that it is not root
RUN useradd --create-home --user-group --uid 10001 alur && install --directory --owner=alur /var/lib/alur
COPY --from=build /opt/alur /opt/alur
ENV PATH=/opt/alur/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
WORKDIR /home/alur
ENTRYPOINT ["alur"]
CMD ["--help"]
