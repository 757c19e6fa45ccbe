# One image for every stage: `docker run alur run intake`.
FROM python:3.11-slim AS build
WORKDIR /source
RUN python -m venv /opt/alur
COPY . .
RUN /opt/alur/bin/pip install --no-cache-dir --constraint requirements.lock '.[mirror,otel]'

FROM python:3.11-slim
# a numeric user, so that Kubernetes can verify that it is not root
RUN useradd --create-home --user-group --uid 10001 alur && install --directory --owner=alur /var/lib/alur
COPY --from=build /opt/alur /opt/alur
ENV PATH=/opt/alur/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
WORKDIR /home/alur
ENTRYPOINT ["alur"]
CMD ["--help"]
